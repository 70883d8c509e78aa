/* Finds a pasted message; tests/test_symptoms.py pastes them all. What changes from case to case counts for nothing,
   every other word by how few messages have it. */
(() => {
  const form = document.getElementById("symptoms");
  const paste = document.getElementById("symptoms-paste");
  const count = document.getElementById("symptoms-count");
  const list = document.getElementById("symptoms-found");
  const groups = JSON.parse(document.getElementById("symptoms-data").textContent);
  const MOST = 5;

  const CHANGING = [
    /\x1b\[[0-9;]*m/g, // colours
    /\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, // addresses
    /\b(?:req|msg|toolu)_\w+/g,
    /\b(?:0x)?[0-9a-f]{10,}\b/gi,
    /\bclaude-[\w.@:-]*\d[\w.@:-]*/gi, // models
    /(?:~|\.)?(?:\/[\w.@-]+){2,}\/?/g, // paths
    /\b(?:[\w-]+\.)+(?:example|invalid|com|net|org|local|internal|corp|lan)\b(?::\d+)?/gi, // hosts
    /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g,
  ];
  const STATUS = /^[1-5]\d\d$/;

  const words = (text) => {
    let rest = text;
    for (const pattern of CHANGING) rest = rest.replace(pattern, " ");
    const found = rest.toLowerCase().match(/[a-z_][a-z_']+|\d+/g) || [];
    return new Set(found.filter((word) => !/^\d+$/.test(word) || STATUS.test(word)));
  };

  const texts = groups.flatMap((group, at) => group.texts.map((text) => ({ at, words: words(text) })));
  const having = new Map();
  for (const text of texts) for (const word of text.words) having.set(word, (having.get(word) || new Set()).add(text.at));
  const weight = (word) => Math.log(1 + groups.length / (having.get(word) || { size: groups.length }).size);
  const sum = (all) => [...all].reduce((total, word) => total + weight(word), 0);

  // Of its words, how many were pasted; of the pasted words that are known, how many are its own.
  const score = (pasted, text) => {
    const both = sum([...text.words].filter((word) => pasted.has(word)));
    const known = sum([...pasted].filter((word) => having.has(word)));
    const covered = both / sum(text.words);
    return both === 0 ? 0 : (2 * covered * (both / known)) / (covered + both / known);
  };

  const find = (message) => {
    const pasted = words(message);
    const best = new Map();
    for (const text of texts) best.set(text.at, Math.max(best.get(text.at) || 0, score(pasted, text)));
    const most = Math.max(0.2, ...best.values());
    const ranked = [...best].filter(([, points]) => points > most / 2).sort((one, other) => other[1] - one[1]);
    return ranked.slice(0, MOST).map(([at]) => groups[at]);
  };

  let waiting;
  const update = () => {
    const found = paste.value.trim() ? find(paste.value) : [];
    list.replaceChildren(
      ...found.map((group) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = group.at;
        link.textContent = group.title;
        item.append(link, `: ${group.texts[0].split("\n")[0]}`);
        return item;
      }),
    );
    const number = found.length === 1 ? "1 message fits" : `${found.length} messages fit, the best first`;
    count.textContent = paste.value.trim() ? (found.length ? `${number}.` : "No message fits. Look through the list below.") : "";
  };

  paste.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 150); // announce once
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
