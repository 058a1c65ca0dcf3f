// Many pictures as a grid. Names and texts are a stranger's: they only ever become text nodes.

const STATUS = { "": "", waiting: "Waiting", working: "Working…", done: "", failed: "Failed" };
const NEAR = "400px"; // a thumbnail is fetched before its card comes into sight

function element(tag, className, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), { className }, properties);
  made.append(...children);
  return made;
}

function makeEntry(id, open) {
  const parts = { image: element("img", "imgcap-gallery-image", { draggable: false }) };
  for (const part of ["match", "reason", "caption", "label", "name", "status"]) {
    parts[part] = element("span", `imgcap-gallery-${part}`);
  }
  const button = element("button", "imgcap-gallery-pick", { type: "button", tabIndex: -1 }, [
    ...Object.values(parts),
  ]);
  const item = element("li", "imgcap-gallery-item", {}, [button]);
  button.addEventListener("click", () => open(id));
  item.dataset.id = id;
  return { ...parts, button, item, version: "", url: "" };
}

function render({ model, el }) {
  const cards = new Map(); // id -> what Python said of it
  const entries = new Map(); // id -> what the page shows of it
  const list = element("ul", "imgcap-gallery-list", { role: "list" });
  let stop = ""; // the id of the one card that the Tab key reaches
  let wanted = new Set();
  el.classList.add("imgcap-browser", "imgcap-gallery-grid");
  el.replaceChildren(list);

  const open = (id) => model.send({ type: "open", id });

  const sights = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) if (isIntersecting) want(target.dataset.id);
    },
    { rootMargin: NEAR },
  );

  // Those of one moment are asked for together.
  function want(id) {
    const [card, entry] = [cards.get(id), entries.get(id)];
    if (!card || !entry || entry.version === card.version) return;
    entry.version = card.version;
    if (wanted.size === 0) queueMicrotask(fetchWanted);
    wanted.add(id);
  }

  function fetchWanted() {
    model.send({ type: "thumbnails", ids: [...wanted] });
    wanted = new Set();
  }

  function setText(part, text) {
    if (part.textContent !== text) part.textContent = text;
  }

  function fill(id) {
    const [card, entry] = [cards.get(id), entries.get(id)];
    if (!card || !entry) return;
    for (const part of ["match", "reason", "caption", "label", "name"]) setText(entry[part], card[part]);
    setText(entry.status, card.problem || STATUS[card.status]);
    if (entry.button.title !== card.name) entry.button.title = card.name;
    const alt = card.caption || card.name;
    if (entry.image.alt !== alt) entry.image.alt = alt;
    // The caption is the picture's text already: not to be read twice.
    entry.caption.setAttribute("aria-hidden", "true");
    entry.item.dataset.status = card.status;
    if (entry.version && entry.version !== card.version) want(id);
  }

  function drop(id) {
    cards.delete(id);
    const entry = entries.get(id);
    if (!entry) return;
    sights.unobserve(entry.item);
    entry.item.remove();
    if (entry.url) URL.revokeObjectURL(entry.url);
    entries.delete(id);
  }

  function arrange() {
    const order = model.get("order");
    const focused = document.activeElement?.closest?.(".imgcap-gallery-item")?.dataset.id;
    const place = focused ? [...list.children].findIndex((i) => i.dataset.id === focused) : -1;
    const shown = new Set(order);
    for (const [id, { item }] of entries) if (!shown.has(id)) item.remove();
    order.forEach((id, index) => {
      if (!entries.has(id)) entries.set(id, makeEntry(id, open));
      const { item } = entries.get(id);
      fill(id);
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
      sights.observe(item);
    });
    list.setAttribute("aria-label", model.get("name"));
    mark();
    if (place < 0 || !list.isConnected) return;
    const next = shown.has(focused) ? focused : order[Math.min(place, order.length - 1)];
    if (next && document.activeElement !== entries.get(next).button) focus(next);
  }

  function mark() {
    const [order, selected] = [model.get("order"), model.get("selected")];
    if (!order.includes(stop)) stop = order.includes(selected) ? selected : (order[0] ?? "");
    for (const [id, { button }] of entries) {
      button.tabIndex = id === stop ? 0 : -1;
      if (id === selected) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  function focus(id) {
    stop = id;
    mark();
    entries.get(id).button.focus();
  }

  function hear(message, buffers) {
    if (message?.type === "gone") message.ids.forEach(drop);
    if (message?.type === "cards") {
      for (const [id, card] of Object.entries(message.cards)) {
        cards.set(id, card);
        fill(id);
        const { item } = entries.get(id) ?? {};
        if (item?.isConnected && !entries.get(id).version) {
          sights.unobserve(item); // so that it is told again whether it is in sight
          sights.observe(item);
        }
      }
    }
    const entry = entries.get(message?.id);
    if (message?.type !== "thumbnail" || entry?.version !== message.version) return;
    if (entry.url) URL.revokeObjectURL(entry.url);
    entry.image.src = entry.url = URL.createObjectURL(new Blob([buffers[0]]));
  }

  function press(event) {
    const order = model.get("order");
    const place = order.findIndex((id) => entries.get(id)?.button === event.target);
    if (place < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const { direction, gridTemplateColumns } = getComputedStyle(list);
    const [forward, columns] = [direction === "rtl" ? -1 : 1, gridTemplateColumns.split(" ").length];
    const to = {
      ArrowRight: place + forward,
      ArrowLeft: place - forward,
      ArrowDown: place + columns,
      ArrowUp: place - columns,
      Home: 0,
      End: order.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to in order) focus(order[to]);
  }

  list.addEventListener("keydown", press);
  model.on("change:order change:name", arrange);
  model.on("change:selected", mark);
  model.on("msg:custom", hear);
  arrange();
  model.send({ type: "hello" });

  return () => {
    model.off("change:order change:name", arrange);
    model.off("change:selected", mark);
    model.off("msg:custom", hear);
    sights.disconnect();
    for (const { url } of entries.values()) if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
