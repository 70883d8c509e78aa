/* The theme fetches its search index and starts its search worker on every page. Most readers never search,
   so both wait until the search field has the focus. Written for the bundle of mkdocs-material 9.8.1:
   tests/test_browser.py searches, and counts what is fetched before. */
(() => {
  const wanted = new Promise((resolve) => {
    document.addEventListener("focusin", (event) => {
      if (event.target.matches("[data-md-component=search-query]")) resolve();
    });
  });

  const { open, send } = XMLHttpRequest.prototype;
  const held = new WeakSet();
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    if (String(url).endsWith("/search_index.json")) held.add(this);
    return open.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (held.has(this)) wanted.then(() => send.call(this, body));
    else send.call(this, body);
  };

  const Real = Worker;
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.start = () => {
        const worker = new Real(url);
        worker.addEventListener("message", ({ data }) => this.dispatchEvent(new MessageEvent("message", { data })));
        return worker;
      };
    }
    postMessage(message) {
      this.worker ??= this.start();
      this.worker.postMessage(message);
    }
  };
})();
