/* The calculator of docs/choose/cost.md. The sums are those of macros/cost.py, in the same order;
   tests/test_cost.py compares the two. Nothing is sent anywhere. */
(() => {
  const form = document.getElementById("cost");
  const prices = JSON.parse(document.getElementById("cost-prices").textContent);
  const field = (name) => document.getElementById(`cost-${name}`);
  const number = (name) => Math.max(0, Number(field(name).value) || 0);
  const million = 1000000;

  const day = (tokens, price) =>
    (tokens.input * price.input + tokens.output * price.output + tokens.cache_write * price.cache_write + tokens.cache_read * price.cache_read) / million;
  const dayWithoutPromptCache = (tokens, price) =>
    ((tokens.input + tokens.cache_write + tokens.cache_read) * price.input + tokens.output * price.output) / million;
  const month = (aDay, developers, days, answered) => aDay * developers * days * (1 - answered);

  const show = (name, amount) => {
    const output = field(name);
    const digits = amount >= 100 ? 0 : 2;
    output.dataset.value = String(amount);
    output.textContent = amount.toLocaleString("en-US", { style: "currency", currency: "USD", minimumFractionDigits: digits, maximumFractionDigits: digits });
  };

  const update = () => {
    const price = prices[field("model").value];
    const tokens = Object.fromEntries(["input", "output", "cache_write", "cache_read"].map((kind) => [kind, number(kind)]));
    const team = [number("developers"), number("days")];
    const answered = Math.min(100, number("answered")) / 100;
    const all = month(day(tokens, price), ...team, 0);
    const paid = month(day(tokens, price), ...team, answered);
    const uncached = month(dayWithoutPromptCache(tokens, price), ...team, answered);
    show("month", paid);
    show("uncached", uncached);
    show("prompt-saved", Math.max(0, uncached - paid));
    show("response-saved", all - paid);
  };

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  update();
  form.hidden = false;
})();
