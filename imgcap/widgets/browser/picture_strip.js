// Thumbnails in a row or a grid. Names and texts are a stranger's: they only ever become text nodes.

const STATUS = { "": "", waiting: "Waiting", working: "Working…", done: "Done", failed: "Failed" };
const MARGIN = 56; // of the row's ends, where it fades out

function element(tag, className, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), { className }, properties);
  made.append(...children);
  return made;
}

// A way to scroll for those who point; by keyboard, the arrow keys bring each picture into sight.
function makePager(className, textContent) {
  const pager = element("button", `imgcap-strip-pager ${className}`, {
    ...{ type: "button", textContent, tabIndex: -1, hidden: true },
  });
  pager.setAttribute("aria-hidden", "true");
  return pager;
}

// What the page shows of one picture; made once, then kept up to date.
function makeEntry(id, { select, remove }) {
  const image = element("img", "imgcap-strip-image", { draggable: false });
  const name = element("span", "imgcap-strip-name");
  const status = element("span", "imgcap-strip-status");
  const button = element("button", "imgcap-strip-pick", { type: "button" }, [image, name, status]);
  const cross = element("button", "imgcap-strip-remove", { type: "button", textContent: "×" });
  const item = element("li", "imgcap-strip-item", {}, [button, cross]);
  button.addEventListener("click", () => select(id));
  cross.addEventListener("click", () => remove(id));
  return { id, item, image, name, status, button, cross };
}

function render({ model, el }) {
  const entries = new Map(); // id -> entry
  const thumbnails = new Map(); // digest -> URL of the bytes, null while they are on their way
  const list = element("ul", "imgcap-strip-list", { role: "list" });
  const news = element("p", "imgcap-strip-news", { role: "status" });
  const pagers = [makePager("imgcap-strip-back", "‹"), makePager("imgcap-strip-on", "›")];
  const row = element("div", "imgcap-strip-row", {}, [list, ...pagers]);
  const sizes = new ResizeObserver(hintAtMore);
  el.classList.add("imgcap-browser", "imgcap-strip");
  el.replaceChildren(row, news);

  let rows = null; // what Python said of each picture; null until it has said it all
  let brought = ""; // the id that was brought into sight last

  const ids = () => (rows ?? []).map((row) => row.id);

  function setText(part, text) {
    if (part.textContent !== text) part.textContent = text;
  }

  function select(id) {
    model.set("selected", id);
    model.save_changes();
  }

  function remove(id) {
    if (!model.get("removable")) return;
    news.textContent = "";
    model.send({ type: "remove", id });
  }

  function fill(entry, row) {
    const url = thumbnails.get(row.src);
    if (url && entry.image.src !== url) entry.image.src = url;
    if (entry.image.getAttribute("alt") !== row.alt) entry.image.alt = row.alt;
    setText(entry.name, row.name);
    setText(entry.status, STATUS[row.status]);
    entry.item.dataset.status = row.status;
    entry.button.title = row.name;
    entry.cross.setAttribute("aria-label", `Remove ${row.name}`);
    entry.cross.hidden = !model.get("removable");
  }

  function mark() {
    const selected = model.get("selected");
    const stop = entries.has(selected) ? selected : ids()[0];
    for (const { id, button, cross, item } of entries.values()) {
      if (id === selected) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      // One stop for the Tab key in the whole row; the arrows do the rest.
      button.tabIndex = cross.tabIndex = id === stop ? 0 : -1;
      // Once: whoever has scrolled away since is looking at something else.
      if (id === selected && id !== brought) bringIntoSight(item);
    }
    brought = entries.has(selected) ? selected : "";
  }

  // Not scrollIntoView, which would move the page as well.
  function bringIntoSight(item) {
    const [outer, inner] = [list.getBoundingClientRect(), item.getBoundingClientRect()];
    const [left, right] = [outer.left + MARGIN, outer.right - MARGIN];
    if (inner.left < left) list.scrollLeft -= left - inner.left;
    if (inner.right > right) list.scrollLeft += inner.right - right;
  }

  function hintAtMore() {
    const start = Math.abs(list.scrollLeft); // below zero where one reads from right to left
    const more = [start > 1, start + list.clientWidth < list.scrollWidth - 1];
    row.classList.toggle("imgcap-strip-more-before", more[0]);
    row.classList.toggle("imgcap-strip-more-after", more[1]);
    pagers.forEach((pager, place) => (pager.hidden = !more[place]));
  }

  function turnPage(direction) {
    const sign = getComputedStyle(list).direction === "rtl" ? -direction : direction;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const behavior = still ? "instant" : "smooth";
    list.scrollBy({ left: sign * 0.8 * list.clientWidth, behavior });
  }

  // The place of the focus, if the picture that had it is about to go.
  function refuge() {
    const order = [...entries.keys()];
    const place = order.findIndex((id) => entries.get(id).item.contains(document.activeElement));
    if (place < 0 || rows.some((row) => row.id === order[place])) return null;
    return rows[Math.min(place, rows.length - 1)]?.id ?? null;
  }

  function forget() {
    const kept = new Set(rows.map((row) => row.id));
    for (const [id, { item }] of entries) {
      if (kept.has(id)) continue;
      item.remove();
      entries.delete(id);
    }
    const used = new Set(rows.map((row) => row.src));
    for (const [digest, url] of thumbnails) {
      if (used.has(digest)) continue;
      if (url) URL.revokeObjectURL(url);
      thumbnails.delete(digest);
    }
  }

  function fetchMissing() {
    const digests = [...new Set(rows.map((row) => row.src))].filter((src) => !thumbnails.has(src));
    if (digests.length === 0) return;
    for (const digest of digests) thumbnails.set(digest, null);
    model.send({ type: "thumbnails", digests });
  }

  function update() {
    if (!rows) return;
    const next = refuge();
    forget();
    rows.forEach((row, place) => {
      if (!entries.has(row.id)) entries.set(row.id, makeEntry(row.id, { select, remove }));
      const entry = entries.get(row.id);
      fill(entry, row);
      if (list.children[place] !== entry.item) list.insertBefore(entry.item, list.children[place]);
    });
    el.hidden = rows.length === 0;
    el.classList.toggle("imgcap-strip-wraps", model.get("wraps"));
    list.setAttribute("aria-label", model.get("label"));
    mark();
    hintAtMore();
    fetchMissing();
    if (next) entries.get(next).button.focus();
  }

  function learn({ rows: news, count, whole }) {
    if (!whole && !rows) return; // all of it is on its way
    rows = whole ? [] : rows.slice(0, count);
    for (const [place, row] of news) rows[place] = row;
    update();
  }

  function hear(message, buffers) {
    if (message?.type === "rows") learn(message);
    if (message?.type === "failed") news.textContent = message.sentence;
    if (message?.type !== "thumbnail" || thumbnails.get(message.digest) !== null) return;
    thumbnails.set(message.digest, URL.createObjectURL(new Blob([buffers[0]])));
    for (const row of rows) {
      if (row.src === message.digest) entries.get(row.id).image.src = thumbnails.get(row.src);
    }
  }

  function press(event) {
    const order = ids();
    const place = order.findIndex((id) => entries.get(id)?.button === event.target);
    if (place < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const forward = getComputedStyle(list).direction === "rtl" ? -1 : 1;
    const to = {
      ArrowRight: place + forward,
      ArrowLeft: place - forward,
      Home: 0,
      End: order.length - 1,
    }[event.key];
    if (event.key === "Delete") remove(order[place]);
    else if (to === undefined) return;
    else if (to in order) {
      entries.get(order[to]).button.focus({ preventScroll: true });
      select(order[to]);
    }
    event.preventDefault();
  }

  list.addEventListener("keydown", press);
  list.addEventListener("scroll", hintAtMore, { passive: true });
  pagers[0].addEventListener("click", () => turnPage(-1));
  pagers[1].addEventListener("click", () => turnPage(1));
  sizes.observe(list);
  model.on("change:label change:removable change:wraps", update);
  model.on("change:selected", mark);
  model.on("msg:custom", hear);
  el.hidden = true;
  model.send({ type: "hello" });

  return () => {
    model.off("change:label change:removable change:wraps", update);
    sizes.disconnect();
    model.off("change:selected", mark);
    model.off("msg:custom", hear);
    for (const url of thumbnails.values()) if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
