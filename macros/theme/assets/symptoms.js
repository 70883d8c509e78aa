/* Finds a pasted message; tests/test_symptoms.py pastes them all. What changes from case to case counts for nothing,
   every other word by how few messages have it. A code such as SELF_SIGNED_CERT_IN_CHAIN alone says where to look. */
(() => {
  const form = document.getElementById("symptoms");
  const paste = document.getElementById("symptoms-paste");
  const count = document.getElementById("symptoms-count");
  const list = document.getElementById("symptoms-found");
  const groups = JSON.parse(document.getElementById("symptoms-data").textContent);
  for (const link of document.querySelectorAll("#elsewhere ~ ul a")) {
    const title = link.closest("ul").parentElement.firstChild.textContent.trim();
    groups.push({ at: link.getAttribute("href"), title, texts: [link.textContent] });
  }
  const MOST = 5;
  const SURE = 0.45; // below, the nearest are shown, and said to be no more than that
  const RARE = 3; // a code is one that so many groups have at most

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

  const texts = groups.flatMap((group, at) => [group.title, ...group.texts].map((text) => ({ at, text, words: words(text) })));
  const having = new Map();
  for (const text of texts) for (const word of text.words) having.set(word, (having.get(word) || new Set()).add(text.at));
  const weight = (word) => Math.log(1 + groups.length / (having.get(word) || { size: groups.length }).size);
  const sum = (all) => [...all].reduce((total, word) => total + weight(word), 0);

  // Of its words, how many were pasted; of the pasted words that are known, how many are its own. More when all were pasted.
  const score = (pasted, text) => {
    const both = sum([...text.words].filter((word) => pasted.has(word)));
    const known = sum([...pasted].filter((word) => having.has(word)));
    const covered = both / sum(text.words);
    const whole = covered === 1 && text.words.size > 4 ? 0.5 : 0;
    return both === 0 ? 0 : whole + (2 * covered * (both / known)) / (covered + both / known);
  };

  const isCode = (word) => /[a-z]_[a-z]/.test(word) && !/^(?:anthropic|claude)_/.test(word) && having.has(word) && having.get(word).size <= RARE;

  // The groups, the best first. A code makes sure, but a message that fits is surer.
  const find = (message) => {
    const pasted = words(message);
    const codes = [...pasted].filter(isCode);
    const best = new Map();
    for (const text of texts) {
      const fits = score(pasted, text);
      const points = Math.max(fits, codes.some((word) => text.words.has(word)) ? SURE : 0) + fits / 100;
      if (points > (best.get(text.at) || { points: 0 }).points) best.set(text.at, { ...groups[text.at], points, text: text.text });
    }
    const ranked = [...best.values()].sort((one, other) => other.points - one.points);
    return ranked.filter((group) => group.points > Math.max(0.2, ranked[0].points) / 2).slice(0, MOST);
  };

  const told = (found) => {
    if (!found.length) return "No message fits. Look through the list below.";
    if (found[0].points < SURE) return "No message fits exactly. These come nearest; look at their words before you follow one.";
    return found.length === 1 ? "1 message fits." : `${found.length} messages fit, the best first.`;
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
        item.append(link, `: ${(group.text === group.title ? group.texts[0] : group.text).split("\n")[0]}`);
        return item;
      }),
    );
    count.textContent = paste.value.trim() ? told(found) : "";
  };

  paste.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 150); // announce once
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
