// Copies a text, and says so for two seconds.

const SHOWN = 2000;

// Without https there is no navigator.clipboard; what is selected can be copied anywhere.
function copySelection(text) {
  const before = document.activeElement;
  const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
  field.className = "imgcap-unseen";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  before?.focus();
  if (!copied) throw new Error("The browser does not allow it");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copySelection(text);
  }
}

function render({ model, el }) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  const icon = document.createElement("i");
  const text = document.createElement("span");
  const news = document.createElement("span");
  let timer;
  button.className = "imgcap-button";
  icon.className = "fa fa-copy";
  icon.setAttribute("aria-hidden", true);
  button.append(icon, text);
  news.className = "imgcap-note";
  news.setAttribute("role", "status");
  el.classList.add("imgcap-browser", "imgcap-row");
  el.replaceChildren(button, news);

  function describe() {
    text.textContent = model.get("label");
    button.disabled = model.get("text") === "";
  }

  function tell(sentence) {
    clearTimeout(timer);
    news.textContent = sentence;
    timer = setTimeout(() => (news.textContent = ""), SHOWN);
  }

  button.addEventListener("click", () =>
    copy(model.get("text")).then(
      () => tell("Copied"),
      () => tell("The browser does not allow copying here."),
    ),
  );
  model.on("change:label change:text", describe);
  describe();

  return () => {
    clearTimeout(timer);
    model.off("change:label change:text", describe);
  };
}

export default { render };
