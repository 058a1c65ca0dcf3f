// A picture with a coloured map over it; both come in the same instant.

function render({ model, el }) {
  const stage = document.createElement("div");
  const urls = new Set();
  let latest = null;
  stage.className = "imgcap-map-stage";
  el.classList.add("imgcap-browser");
  el.replaceChildren(stage);

  function image(name, type, alt) {
    const made = new Image();
    const url = URL.createObjectURL(new Blob([model.get(name)], { type }));
    urls.add(url);
    Object.assign(made, { className: `imgcap-map-${name}`, alt, src: url });
    return made;
  }

  function release(kept) {
    for (const url of urls) {
      if (kept.some((each) => each.src === url)) continue;
      URL.revokeObjectURL(url);
      urls.delete(url);
    }
  }

  // What is not decoded yet is not shown: else an old map would lie over a new picture.
  async function show() {
    const made = model.get("picture").byteLength
      ? [image("picture", "image/jpeg", model.get("alt"))]
      : [];
    if (model.get("over").byteLength) made.push(image("over", "image/png", ""));
    const [width, height] = model.get("size");
    latest = made;
    await Promise.allSettled(made.map((each) => each.decode()));
    if (latest !== made) return;
    stage.style.setProperty("--width", width);
    stage.style.setProperty("--height", height);
    stage.hidden = !made.length;
    stage.replaceChildren(...made);
    release(made);
  }

  function fade() {
    stage.style.setProperty("--opacity", model.get("opacity") / 100);
  }

  const traits = "change:picture change:over change:alt change:size";
  model.on(traits, show);
  model.on("change:opacity", fade);
  fade();
  show();

  return () => {
    latest = null;
    model.off(traits, show);
    model.off("change:opacity", fade);
    release([]);
  };
}

export default { render };
