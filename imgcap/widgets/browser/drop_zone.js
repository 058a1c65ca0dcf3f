// The place to bring files to: a button, the whole page as a drop target, the clipboard.
// The second part of the drop zone's module: `Batch` and `element` are in batch.js.

const STILL_THERE = 700; // a drag that goes on is told of at least every 550 ms

// All files below what was dropped, folders in the order of their names.
async function filesBelow(entry) {
  if (entry.isFile) {
    return [await new Promise((take) => entry.file(take, () => take(new File([], entry.name))))];
  }
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((take) => reader.readEntries(take, () => take([])));
    if (some.length === 0) break;
    entries.push(...some);
  }
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  const files = [];
  for (const each of entries) {
    const found = await filesBelow(each);
    files.push(...found.map((file) => (each.name.startsWith(".") ? hide(file) : file)));
  }
  return files;
}

const hidden = new WeakSet();

function hide(file) {
  hidden.add(file);
  return file;
}

function render({ model, el }) {
  const view = new AbortController();
  const { signal } = view;
  let batches = []; // oldest first; the ended ones are shown until another is brought
  let working = false;
  let ownDrag = false;
  let gone = null; // takes the overlay away when a drag is heard of no more

  const input = element("input", "", { type: "file", multiple: true, hidden: true, tabIndex: -1 });
  const folderInput = element("input", "", {
    ...{ type: "file", webkitdirectory: true, hidden: true, tabIndex: -1 },
  });
  const button = element("button", "imgcap-button imgcap-button-main", { type: "button" });
  const folderButton = element("button", "imgcap-button", {
    ...{ type: "button", textContent: "Choose a folder" },
  });
  const buttons = element("span", "imgcap-row imgcap-drop-buttons", {}, [button, folderButton]);
  const ways = element("span", "imgcap-drop-ways", {
    textContent: "or drop them anywhere on the page, or paste",
  });
  const hint = element("span", "imgcap-drop-hint");
  const invitation = element("div", "imgcap-drop-invitation", {}, [buttons, ways, hint]);
  const overlay = element("div", "imgcap-browser imgcap-drop-overlay", { hidden: true }, [
    element("p", "", { textContent: "Drop the pictures anywhere" }),
  ]);
  overlay.setAttribute("aria-hidden", "true");
  el.classList.add("imgcap-browser", "imgcap-drop");
  el.setAttribute("role", "group");
  el.replaceChildren(input, folderInput, invitation);
  document.body.append(overlay);

  function describe() {
    button.textContent = model.get("label");
    el.setAttribute("aria-label", model.get("label"));
    hint.textContent = model.get("hint");
    input.accept = model.get("accept").join(",");
  }

  // In a folder there is more than a person means: hidden files, and what is no picture.
  function addFolder(files) {
    const accepted = model.get("accept");
    const isMeant = (file) =>
      !hidden.has(file) &&
      !file.webkitRelativePath.split("/").some((part) => part.startsWith(".")) &&
      accepted.some((kind) => file.name.toLowerCase().endsWith(kind) || file.type === kind);
    const meant = files.filter(isMeant);
    addBatch(meant, files.length - meant.length);
  }

  function add(files) {
    if (files.length > 0) addBatch(files, 0);
  }

  function addBatch(files, passed) {
    for (const batch of batches) if (batch.ended) batch.element.remove();
    batches = batches.filter((batch) => !batch.ended);
    const waiting = batches.reduce((sum, batch) => sum + batch.left, 0);
    const batch = new Batch(model, [...files], Math.max(0, model.get("max_files") - waiting), passed);
    batches.push(batch);
    el.append(batch.element);
    if (!working) work();
  }

  async function work() {
    working = true;
    for (let next; (next = batches.find((batch) => !batch.ended)); ) await next.run();
    working = false;
  }

  function stopAll() {
    for (const batch of batches) if (!batch.ended) batch.stop("lost");
  }

  const listen = (target, type, handler) => target.addEventListener(type, handler, { signal });
  // A picture of this page that is dragged about is nothing new.
  const brings = (event) => !ownDrag && event.dataTransfer?.types.includes("Files");

  function over(event) {
    if (!brings(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    overlay.hidden = false;
    clearTimeout(gone);
    gone = setTimeout(() => (overlay.hidden = true), STILL_THERE);
  }

  function drop(event) {
    overlay.hidden = true;
    if (event.defaultPrevented || !brings(event)) return;
    event.preventDefault();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
    if (entries.some((entry) => entry?.isDirectory)) dropFolders(entries.filter(Boolean));
    else add(event.dataTransfer.files);
  }

  async function dropFolders(entries) {
    const files = [];
    for (const entry of entries) files.push(...(await filesBelow(entry)));
    addFolder(files);
  }

  function paste(event) {
    const { files, types } = event.clipboardData ?? { files: [] };
    // Office programs add a picture to the text that they copy: in a text field the text is meant.
    const intoText = event.target.closest?.("input, textarea, [contenteditable=true]");
    if (event.defaultPrevented || files.length === 0) return;
    if (intoText && types.includes("text/plain")) return;
    event.preventDefault();
    add(files);
  }

  listen(button, "click", () => input.click());
  listen(input, "change", () => {
    add(input.files);
    input.value = ""; // so that the same file again is a change again
  });
  listen(folderButton, "click", () => folderInput.click());
  listen(folderInput, "change", () => {
    const path = (file) => file.webkitRelativePath;
    addFolder([...folderInput.files].sort((one, other) => (path(one) < path(other) ? -1 : 1)));
    folderInput.value = "";
  });
  listen(el, "unfocus", () => button.focus());
  listen(window, "dragstart", () => (ownDrag = true));
  listen(window, "dragend", () => (ownDrag = false));
  listen(window, "dragenter", over);
  listen(window, "dragover", over);
  listen(el, "drop", drop); // the zone before the page, for pages with several zones
  listen(window, "drop", drop);
  listen(window, "paste", paste);
  listen(window, "pagehide", stopAll);
  model.on("change:label change:hint change:accept", describe);
  describe();

  return () => {
    model.off("change:label change:hint change:accept", describe);
    stopAll();
    view.abort();
    overlay.remove();
  };
}

export default { render };
