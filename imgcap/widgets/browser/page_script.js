// Tells Python the visitor's theme and width; names what ipywidgets leaves nameless; keeps the focus.

const DARK = "(prefers-color-scheme: dark)";
const NARROW = "(max-width: 639.98px)";
const PAUSE = 200; // between two looks at a page that keeps changing
const GRACE = 500; // so long may a control be disabled until the focus leaves it
const CONTROLS = "button, input, select, textarea, [tabindex='0']";
const TOGGLE = ".widget-toggle-button";
const REGIONS = ".imgcap-status, .imgcap-card, .imgcap-page";

let folds = 0;

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
  for (const heading of document.querySelectorAll(".imgcap-card > .widget-html h2")) {
    const card = heading.closest(".imgcap-card");
    setOnce(card, "role", "region");
    setOnce(card, "aria-label", heading.textContent);
  }
}

function tieFolds() {
  for (const button of document.querySelectorAll(".imgcap-fold > button")) {
    const body = button.parentElement.nextElementSibling;
    if (!body) continue;
    body.id ||= `imgcap-fold-${++folds}`;
    setOnce(button, "aria-controls", body.id);
  }
}

function tellToggles() {
  for (const button of document.querySelectorAll(TOGGLE)) {
    setOnce(button, "aria-pressed", `${button.classList.contains("mod-active")}`);
  }
}

function makeLive() {
  for (const node of document.querySelectorAll(".imgcap-message.widget-html")) {
    setOnce(node, "aria-live", "polite");
  }
}

function goTo(node) {
  // Also what is no control can have the focus for once; Tab goes on from there.
  if (!node.matches(CONTROLS)) node.tabIndex = -1;
  node.focus();
}

const isShown = (node) => node.isConnected && node.checkVisibility({ visibilityProperty: true });
const isUsable = (node) => isShown(node) && !node.disabled;

// The control that stands beside the lost one, next first, or else the part of the page around it.
function successor(lost, around) {
  const row = around.find((node) => node.matches(".imgcap-row:not(.imgcap-browser)") && isShown(node));
  const controls = [...(row?.querySelectorAll(CONTROLS) ?? [])].filter(isUsable);
  const isNext = (node) => lost.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING;
  return (
    controls.find(isNext) ??
    controls.at(-1) ??
    around.find((node) => node.matches(REGIONS) && isShown(node))
  );
}

// A control that is hidden or disabled while it has the focus would leave it to nobody. One that was
// only disabled gets it back. Returns the function to call when the page has changed.
function keepFocus(signal) {
  let focused = null;
  let around = []; // remembered: what is taken out of the page has no parents any more
  let lostAt = null;
  let owner = null; // it was disabled: what has the focus has it for so long
  let frame = null;
  let timer;

  const forget = () => {
    focused = lostAt = owner = null;
    clearTimeout(timer);
  };
  const remember = ({ target }) => {
    forget();
    focused = target;
    for (around = []; target.parentElement; target = target.parentElement) {
      around.push(target.parentElement);
    }
  };

  function look() {
    frame = null;
    if (owner && isUsable(owner) && document.activeElement === focused) return goTo(owner);
    if (!focused || ![document.body, focused].includes(document.activeElement)) return;
    if (isUsable(focused)) {
      if (lostAt !== null) goTo(focused);
      lostAt = null;
      return;
    }
    lostAt ??= performance.now();
    const left = isShown(focused) ? lostAt + GRACE - performance.now() : 0;
    clearTimeout(timer);
    if (left > 0) timer = setTimeout(look, left);
    else {
      const lost = focused;
      const next = successor(lost, around);
      if (next) goTo(next);
      if (isShown(lost)) owner = lost;
    }
  }

  document.addEventListener("focusin", remember, { signal });
  document.addEventListener("pointerdown", forget, { signal });
  signal.addEventListener("abort", () => {
    forget();
    cancelAnimationFrame(frame);
  });
  return () => (frame ??= requestAnimationFrame(look));
}

// Links to parts of the page, by class: ids are not ours to give to widgets.
function follow(event) {
  const link = event.target.closest?.(".imgcap-page a[href^='#imgcap-']");
  const part = link && document.querySelector(`.${link.hash.slice(1)}`);
  if (!part) return;
  event.preventDefault();
  goTo(part);
  part.scrollIntoView();
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
    tieFolds();
    tellToggles();
    makeLive();
  }

  const checkFocus = keepFocus(signal);
  document.addEventListener("click", follow, { signal });
  // Not one look a change: a page that loads changes a thousand times.
  const later = () => (timer ??= setTimeout(name, PAUSE));
  const observer = new MutationObserver((changes) => {
    if (changes.some(({ type, target }) => type === "childList" || target.matches(TOGGLE))) later();
    checkFocus();
  });
  observer.observe(document.body, {
    attributeFilter: ["aria-expanded", "class", "disabled", "hidden", "style"],
    childList: true,
    subtree: true,
  });
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
