// A picture with a box on it that is drawn, moved and resized by mouse, touch and keyboard.

const HANDLES = [
  [-1, -1], [0, -1], [1, -1],
  [-1, 0], [1, 0],
  [-1, 1], [0, 1], [1, 1],
];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

function make(tag, className, parent, attributes = {}) {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

// One side pulled: where it begins and how long it is, between 0 and `most`.
function pulled(start, length, direction, to, most) {
  if (!direction) return [start, length];
  const fixed = direction < 0 ? start + length : start;
  const free = clamp(to, 0, most);
  return [Math.min(fixed, free), Math.abs(free - fixed)];
}

// The box after the handle in `direction` was pulled to a point; it may turn over.
function resized([left, top, width, height], [across, down], [x, y], ratio, [W, H]) {
  const [l, w] = pulled(left, width, across, x, W);
  const [t, h] = pulled(top, height, down, y, H);
  if (!ratio) return [l, t, w, h];
  const fixedX = across < 0 ? left + width : left;
  const fixedY = down < 0 ? top + height : top;
  const [middleX, middleY] = [left + width / 2, top + height / 2];
  const roomX = !across ? 2 * Math.min(middleX, W - middleX) : x < fixedX ? fixedX : W - fixedX;
  const roomY = !down ? 2 * Math.min(middleY, H - middleY) : y < fixedY ? fixedY : H - fixedY;
  let newWidth = across && (!down || w / Math.max(h, 1e-9) > ratio) ? w : h * ratio;
  newWidth = Math.min(newWidth, roomX, roomY * ratio);
  const newHeight = newWidth / ratio;
  return [
    !across ? middleX - newWidth / 2 : x < fixedX ? fixedX - newWidth : fixedX,
    !down ? middleY - newHeight / 2 : y < fixedY ? fixedY - newHeight : fixedY,
    newWidth,
    newHeight,
  ];
}

// Whole pixels, at least one, inside.
function settled([left, top, width, height], [W, H]) {
  const l = clamp(Math.round(left), 0, W - 1);
  const t = clamp(Math.round(top), 0, H - 1);
  const w = clamp(Math.round(width), 1, W - l);
  return [l, t, w, clamp(Math.round(height), 1, H - t)];
}

function render({ model, el }) {
  const view = new AbortController();
  const { signal } = view;
  let box = model.get("box"); // as it is drawn; the model's when the hand lets go
  let drag = null;
  let url = null;
  el.classList.add("imgcap-browser", "imgcap-crop");
  el.replaceChildren();
  const stage = make("div", "imgcap-crop-stage", el);
  const image = make("img", "imgcap-crop-picture", stage, { draggable: "false" });
  const frame = make("div", "imgcap-crop-frame", stage, { tabindex: "0", role: "application" });
  for (const [across, down] of HANDLES) {
    const handle = make("i", "imgcap-crop-handle", frame, { "aria-hidden": "true" });
    handle.dataset.direction = `${across} ${down}`;
    const [x, y] = [across, down].map((direction) => 50 * (direction + 1));
    Object.assign(handle.style, { left: `${x}%`, top: `${y}%`, translate: `-${x}% -${y}%` });
  }

  function draw() {
    const [left, top, width, height] = box;
    const [W, H] = model.get("size");
    const whole = width === W && height === H;
    frame.hidden = model.get("is_plain") || !model.get("picture").byteLength;
    frame.classList.toggle("imgcap-crop-whole", whole);
    Object.assign(frame.style, {
      left: `${(100 * left) / W}%`,
      top: `${(100 * top) / H}%`,
      width: `${(100 * width) / W}%`,
      height: `${(100 * height) / H}%`,
    });
    frame.setAttribute(
      "aria-label",
      `Crop box: ${width} by ${height} pixels, ${left} from the left, ${top} from the top. ` +
        "Arrow keys move it, with Shift they resize it, Enter crops.",
    );
  }

  function follow() {
    box = model.get("box");
    drag = null;
    draw();
  }

  function show() {
    URL.revokeObjectURL(url);
    url = null;
    const picture = model.get("picture");
    stage.hidden = !picture.byteLength;
    if (picture.byteLength) {
      url = URL.createObjectURL(new Blob([picture], { type: "image/jpeg" }));
      image.src = url;
    }
    image.alt = model.get("alt");
    const [W, H] = model.get("size");
    stage.style.setProperty("--width", W);
    stage.style.setProperty("--height", H);
    follow();
  }

  function tell() {
    model.set("box", box);
    model.save_changes();
  }

  function place(event) {
    const bounds = stage.getBoundingClientRect();
    const [W, H] = model.get("size");
    const x = ((event.clientX - bounds.left) / bounds.width) * W;
    const y = ((event.clientY - bounds.top) / bounds.height) * H;
    return [clamp(x, 0, W), clamp(y, 0, H)];
  }

  function begin(event) {
    if (event.button !== 0 || frame.hidden) return;
    const at = place(event);
    const handle = event.target.closest(".imgcap-crop-handle");
    const onWhole = frame.classList.contains("imgcap-crop-whole");
    const onBox = frame.contains(event.target) && !onWhole;
    // With a finger, a picture that is marked whole is scrolled past, not drawn on.
    if (!handle && !onBox && event.pointerType === "touch") return;
    const direction = handle?.dataset.direction.split(" ").map(Number) ?? (onBox ? null : [1, 1]);
    drag = { at, direction, box: handle || onBox ? box : [...at, 0, 0], moved: false };
    stage.setPointerCapture(event.pointerId);
    frame.focus({ preventScroll: true });
    event.preventDefault();
  }

  function pull(event) {
    if (!drag) return;
    const [x, y] = place(event);
    const size = model.get("size");
    const [dx, dy] = [x - drag.at[0], y - drag.at[1]];
    drag.moved ||= Math.hypot(dx, dy) * (stage.clientWidth / size[0]) > 3;
    if (!drag.moved) return;
    if (drag.direction) {
      box = settled(resized(drag.box, drag.direction, [x, y], model.get("ratio"), size), size);
    } else {
      const [left, top, width, height] = drag.box;
      box = [
        clamp(Math.round(left + dx), 0, size[0] - width),
        clamp(Math.round(top + dy), 0, size[1] - height),
        width,
        height,
      ];
    }
    draw();
  }

  function end() {
    const moved = drag?.moved;
    drag = null;
    if (moved) tell();
  }

  function press(event) {
    if (event.key === "Enter") {
      model.send({ type: "enter" });
      event.preventDefault();
    }
    const arrow = ARROWS[event.key];
    if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const size = model.get("size");
    const step = Math.max(1, Math.round(Math.max(...size) / 100));
    const [dx, dy] = arrow.map((direction) => direction * step);
    const [left, top, width, height] = box;
    if (event.shiftKey) {
      const direction = arrow.map(Math.abs);
      const to = [left + Math.max(1, width + dx), top + Math.max(1, height + dy)];
      const corner = model.get("ratio") ? [1, 1] : direction;
      if (model.get("ratio")) to[dx ? 1 : 0] = dx ? top : left; // the other side follows
      box = settled(resized(box, corner, to, model.get("ratio"), size), size);
    } else {
      box = [clamp(left + dx, 0, size[0] - width), clamp(top + dy, 0, size[1] - height), width, height];
    }
    draw();
    tell();
  }

  stage.addEventListener("pointerdown", begin, { signal });
  stage.addEventListener("pointermove", pull, { signal });
  stage.addEventListener("pointerup", end, { signal });
  stage.addEventListener("pointercancel", follow, { signal });
  stage.addEventListener("dblclick", () => model.send({ type: "enter" }), { signal });
  frame.addEventListener("keydown", press, { signal });
  model.on("change:picture change:alt change:size", show);
  model.on("change:box change:is_plain", follow);
  show();

  return () => {
    view.abort();
    model.off("change:picture change:alt change:size", show);
    model.off("change:box change:is_plain", follow);
    URL.revokeObjectURL(url);
  };
}

export default { render };
