// A table whose rows can be chosen, by keyboard and by ear too.

const make = (tag, fields = {}) => Object.assign(document.createElement(tag), fields);

function render({ model, el }) {
  const table = make("table", { className: "imgcap-table" });
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  let buttons = [];
  el.classList.add("imgcap-browser", "imgcap-rows");
  el.setAttribute("role", "region");
  el.replaceChildren(table);

  function reach(index) {
    const near = Math.min(Math.max(index, 0), buttons.length - 1);
    buttons.forEach((button, n) => (button.tabIndex = n === near ? 0 : -1));
    return buttons[near];
  }

  function mark() {
    const chosen = model.get("chosen");
    buttons.forEach((button, n) => {
      button.setAttribute("aria-pressed", n === chosen);
      button.closest("tr").classList.toggle("imgcap-chosen", n === chosen);
    });
  }

  function fill() {
    el.setAttribute("aria-label", model.get("name"));
    head.replaceChildren(
      ...model.get("columns").map((text) => make("th", { scope: "col", textContent: text })),
    );
    body.replaceChildren(
      ...model.get("rows").map(([first, ...rest]) => {
        const row = make("tr");
        const name = make("th", { scope: "row" });
        name.append(make("button", { type: "button", textContent: first }));
        row.append(name, ...rest.map((text) => make("td", { textContent: text })));
        return row;
      }),
    );
    buttons = [...body.querySelectorAll("button")];
    reach(model.get("chosen"));
    mark();
  }

  body.addEventListener("click", ({ target }) => {
    const row = target.closest("tr");
    if (!row) return;
    const index = row.sectionRowIndex;
    reach(index);
    model.set("chosen", index);
    model.save_changes();
  });
  body.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(event.target);
    const aims = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 };
    if (at < 0 || !(event.key in aims)) return;
    event.preventDefault();
    reach(aims[event.key]).focus();
  });
  model.on("change:name change:columns change:rows", fill);
  model.on("change:chosen", mark);
  fill();

  return () => {
    model.off("change:name change:columns change:rows", fill);
    model.off("change:chosen", mark);
  };
}

export default { render };
