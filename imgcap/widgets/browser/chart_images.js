// Keeps the plotly figure of the card around as a picture, by means of plotly's own mode bar.

const FORMATS = ["png", "svg"];
const SHOWN = 4000; // how long news are told
const PATIENCE = 30_000;
const SOON = 50;

const plotsAround = (el) => [
  ...(el.closest(".imgcap-card")?.querySelectorAll(".js-plotly-plot:has(.main-svg)") ?? []),
];

// A figure that joins a page is drawn before it has a place in it, and keeps plotly's own width.
function fit(el, figures, until = Date.now() + PATIENCE) {
  if (plotsAround(el).length >= figures) window.dispatchEvent(new Event("resize"));
  else if (Date.now() < until) setTimeout(fit, SOON, el, figures, until);
}

function keep(el, format) {
  const plot = plotsAround(el).find((each) => getComputedStyle(each).visibility === "visible");
  const camera = plot?.querySelector(".modebar-btn");
  if (!camera) return "The chart is not drawn yet; please try again.";
  // Plotly reads the format while it is clicked, and offers no other way in from outside.
  const context = plot._context;
  const options = context.toImageButtonOptions;
  context.toImageButtonOptions = { ...options, format };
  camera.click();
  context.toImageButtonOptions = options;
  return "Preparing …";
}

function render({ model, el }) {
  const news = document.createElement("span");
  let timer;
  news.className = "imgcap-note";
  news.setAttribute("role", "status");
  const buttons = FORMATS.map((format) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const icon = document.createElement("i");
    icon.className = "fa fa-download";
    icon.setAttribute("aria-hidden", true);
    button.className = "imgcap-button";
    button.setAttribute("aria-label", `Download chart as ${format.toUpperCase()}`);
    button.append(icon, format.toUpperCase());
    button.addEventListener("click", () => {
      clearTimeout(timer);
      news.textContent = keep(el, format);
      timer = setTimeout(() => (news.textContent = ""), SHOWN);
    });
    return button;
  });
  const join = () => fit(el, model.get("figures"));
  model.on("change:figures", join);
  el.classList.add("imgcap-browser", "imgcap-row");
  el.replaceChildren(...buttons, news);
  return () => {
    clearTimeout(timer);
    model.off("change:figures", join);
  };
}

export default { render };
