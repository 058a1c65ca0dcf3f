// Ctrl+Z and Ctrl+Shift+Z (or Ctrl+Y), heard in the card around.

const TEXT = "input:not([type='checkbox']), textarea, [contenteditable='true']";

function render({ model, el }) {
  const view = new AbortController();
  // A widget is put into its place only after it is rendered.
  const frame = requestAnimationFrame(() => {
    el.closest(".imgcap-card")?.addEventListener("keydown", hear, { signal: view.signal });
  });

  function hear(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.matches(TEXT)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    model.send({ type: key === "y" || event.shiftKey ? "redo" : "undo" });
  }

  return () => {
    cancelAnimationFrame(frame);
    view.abort();
  };
}

export default { render };
