// A button that says whether it is open; the style sheet shows and hides by what it says.

function render({ model, el }) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  el.classList.add("imgcap-browser", "imgcap-fold");
  el.replaceChildren(button);

  function describe() {
    button.textContent = model.get("label");
    button.setAttribute("aria-expanded", model.get("is_open"));
  }

  button.addEventListener("click", () => {
    model.set("is_open", !model.get("is_open"));
    model.save_changes();
  });
  model.on("change:label change:is_open", describe);
  describe();

  return () => model.off("change:label change:is_open", describe);
}

export default { render };
