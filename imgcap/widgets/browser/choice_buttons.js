// A row of buttons of which one is chosen, by mouse or by arrow keys.

const make = (tag, fields = {}) => Object.assign(document.createElement(tag), fields);

function render({ model, el }) {
  const name = make("span", { className: "imgcap-choice-name" });
  const group = make("div", { className: "imgcap-row" });
  let buttons = [];
  el.classList.add("imgcap-browser", "imgcap-choice");
  group.setAttribute("role", "radiogroup");
  el.replaceChildren(name, group);

  function mark() {
    const chosen = model.get("chosen");
    buttons.forEach((button, n) => {
      button.setAttribute("aria-checked", n === chosen);
      button.tabIndex = n === Math.max(chosen, 0) ? 0 : -1;
    });
  }

  function fill() {
    name.textContent = model.get("name");
    group.setAttribute("aria-label", model.get("name"));
    buttons = model.get("options").map((text) => {
      const button = make("button", { type: "button", className: "imgcap-button" });
      button.textContent = text;
      button.setAttribute("role", "radio");
      return button;
    });
    group.replaceChildren(...buttons);
    mark();
  }

  function choose(index) {
    model.set("chosen", index);
    model.save_changes();
  }

  group.addEventListener("click", ({ target }) => {
    const index = buttons.indexOf(target.closest("button"));
    if (index >= 0) choose(index);
  });
  group.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(event.target);
    const count = buttons.length;
    const [before, after] = [(at + count - 1) % count, (at + 1) % count];
    const aims = {
      ...{ ArrowLeft: before, ArrowUp: before, ArrowRight: after, ArrowDown: after },
      ...{ Home: 0, End: count - 1 },
    };
    if (at < 0 || !(event.key in aims) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    buttons[aims[event.key]].focus();
    choose(aims[event.key]);
  });
  model.on("change:name change:options", fill);
  model.on("change:chosen", mark);
  fill();

  return () => {
    model.off("change:name change:options", fill);
    model.off("change:chosen", mark);
  };
}

export default { render };
