// Asks Python for a file, fetches it piece by piece, and saves it.

const AHEAD = 4; // pieces asked for at once: a distant server is kept busy
const PATIENCE = 120_000;
const KEPT = 60_000; // how long the browser may take to begin saving
const LONG = 2 * 2 ** 20; // from here on progress is worth telling
const SHOWN = 2000; // how long success is told

class Failure extends Error {}

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(0);

// Calls `hear` with each answer until it returns something other than undefined.
function exchange(model, id, signal, begin, hear) {
  return new Promise((resolve, reject) => {
    let timer;
    const finish = (settle, value) => {
      clearTimeout(timer);
      model.off("msg:custom", listen);
      settle(value);
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => finish(reject, new Failure("The server does not answer; please try again.")),
        PATIENCE,
      );
    };
    const listen = (message, buffers) => {
      if (message?.id !== id) return;
      wait();
      try {
        if (message.type === "failed") throw new Failure(message.sentence);
        const result = hear(message, buffers);
        if (result !== undefined) finish(resolve, result);
      } catch (error) {
        finish(reject, error);
      }
    };
    signal.addEventListener("abort", () => finish(reject, new Failure("")));
    model.on("msg:custom", listen);
    wait();
    try {
      begin();
    } catch {
      finish(reject, new Failure("The server is gone; please load the page again."));
    }
  });
}

function fetchFile(model, signal, progress) {
  const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const say = (type, fields = {}) => model.send({ type, id, ...fields });
  const pieces = [];
  let file;
  let asked = 0;
  let received = 0;

  function ask() {
    while (asked < file.size && asked - received < AHEAD * file.chunk) {
      say("read", { offset: asked });
      asked += file.chunk;
    }
  }

  return exchange(model, id, signal, () => say("make"), (message, buffers) => {
    if (message.type === "ready") file = message;
    else if (message.offset !== received) throw new Failure("The download was broken off; please try again.");
    else {
      pieces.push(buffers[0]);
      received += buffers[0].byteLength;
    }
    progress(received, file.size);
    if (received < file.size) return ask();
    say("stop");
    return { name: file.name, blob: new Blob(pieces, { type: file.mime }) };
  });
}

function save({ name, blob }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
}

function render({ model, el }) {
  const view = new AbortController();
  const button = Object.assign(document.createElement("button"), { type: "button" });
  const icon = document.createElement("i");
  const text = document.createElement("span");
  const news = document.createElement("span");
  let working = false;
  let timer;
  button.className = "imgcap-button";
  icon.className = "fa fa-download";
  icon.setAttribute("aria-hidden", true);
  button.append(icon, text);
  news.className = "imgcap-note";
  news.setAttribute("role", "status");
  el.classList.add("imgcap-browser", "imgcap-row");
  el.replaceChildren(button, news);

  function describe() {
    const [label, name] = [model.get("label"), model.get("name")];
    text.textContent = label;
    button.title = name === label ? "" : name;
    button.setAttribute("aria-label", name);
    button.disabled = model.get("disabled");
    // Not disabled: that would take the focus away from whoever uses the keyboard.
    button.setAttribute("aria-disabled", working);
    button.setAttribute("aria-busy", working);
  }

  async function work() {
    if (working) return;
    working = true;
    describe();
    clearTimeout(timer);
    news.textContent = "Preparing…";
    news.classList.remove("imgcap-note-failed");
    try {
      save(
        await fetchFile(model, view.signal, (received, size) => {
          if (size < LONG) return;
          text.textContent = `${megabytes(received)} of ${megabytes(size)} MB`;
        }),
      );
      news.textContent = "Downloaded";
      timer = setTimeout(() => (news.textContent = ""), SHOWN);
    } catch (error) {
      news.textContent = error.message;
      news.classList.add("imgcap-note-failed");
    }
    working = false;
    describe();
  }

  button.addEventListener("click", work);
  model.on("change:label change:name change:disabled", describe);
  describe();

  return () => {
    clearTimeout(timer);
    model.off("change:label change:name change:disabled", describe);
    view.abort();
  };
}

export default { render };
