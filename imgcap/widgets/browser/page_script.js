// Tells Python the visitor's theme and width; names what ipywidgets leaves nameless.

const DARK = "(prefers-color-scheme: dark)";
const NARROW = "(max-width: 639.98px)";
const PAUSE = 200; // between two looks at a page that keeps changing

function setOnce(node, attribute, value) {
  if (node.getAttribute(attribute) !== value) node.setAttribute(attribute, value);
}

function nameSliders() {
  for (const slider of document.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector(".widget-label")?.textContent.trim();
    if (!name) continue;
    const handles = slider.querySelectorAll(".noUi-handle");
    handles.forEach((handle, n) => {
      const which = handles.length > 1 ? ["from", "to"][n] ?? n + 1 : "";
      setOnce(handle, "aria-label", `${name} ${which}`.trim());
    });
    for (const readout of slider.querySelectorAll(".widget-readout[contenteditable]")) {
      setOnce(readout, "role", "textbox");
      setOnce(readout, "aria-label", `${name}, as text`);
    }
  }
}

function nameParts(names) {
  for (const [className, name] of Object.entries(names)) {
    for (const node of document.getElementsByClassName(className)) {
      if (node.tagName === "IMG") {
        setOnce(node, "alt", name);
        continue;
      }
      if (!node.hasAttribute("role")) node.setAttribute("role", "group");
      setOnce(node, "aria-label", name);
    }
  }
}

function render({ model, el }) {
  const view = new AbortController();
  const { signal } = view;
  let timer = null;
  el.classList.add("imgcap-page-script");
  if (!document.documentElement.lang) document.documentElement.lang = model.get("lang");

  for (const [trait, query] of [
    ["dark", DARK],
    ["narrow", NARROW],
  ]) {
    const media = window.matchMedia(query);
    const tell = () => {
      model.set(trait, media.matches);
      model.save_changes();
    };
    media.addEventListener("change", tell, { signal });
    tell();
  }

  function name() {
    timer = null;
    nameSliders();
    nameParts(model.get("names"));
  }

  // Not one look a change: a page that loads changes a thousand times.
  const later = () => (timer ??= setTimeout(name, PAUSE));
  const observer = new MutationObserver(later);
  observer.observe(document.body, { childList: true, subtree: true });
  model.on("change:names", later);
  name();

  return () => {
    view.abort();
    observer.disconnect();
    clearTimeout(timer);
    model.off("change:names", later);
  };
}

export default { render };
