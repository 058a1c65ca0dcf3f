// The page around the widgets: ends its kernel when it closes, and says in a sentence when something is wrong.

const sentences = {
  slow: "This takes longer than usual. The page appears as soon as it is ready.",
  failed:
    "imgcap could not start: the Python process behind this page has ended. Reload the page to try again; the server's log says why.",
  broken: "A part of this page could not be built. The server's log says why.",
  ended:
    "The Python process behind this page has ended. Feedback that the page confirmed is saved. Reload the page to start again.",
  unreachable: "The server does not answer. The page works again as soon as it does.",
};
const pollStarting = 2000; // milliseconds
const pollShown = 10000;
const slowAfter = 20000;
const loading = 120000;

const shown = () =>
  [...document.querySelectorAll("#rendered_cells .jupyter-widgets")].some((view) => view.offsetHeight > 0);
const broken = () =>
  [...document.querySelectorAll('#rendered_cells [data-mime-type="application/vnd.jupyter.stderr"]')].some(
    (output) => output.textContent.includes("error when executing cell"),
  );
// ipywidgets marks its views when the kernel is restarted, which Jupyter does by itself after a crash; the new one knows no widget.
const disconnected = () => document.querySelector(".jupyter-widgets-disconnected") !== null;

function say(kind) {
  const notice = document.getElementById("imgcap-notice");
  const text = kind ? sentences[kind] : "";
  if (notice.textContent !== text) notice.textContent = text;
  notice.hidden = !kind;
}

async function kernelState(url) {
  try {
    const answer = await fetch(url, { cache: "no-store" });
    if (answer.status === 404) return "dead";
    return answer.ok ? (await answer.json()).execution_state : "unreachable";
  } catch {
    return "unreachable";
  }
}

function watch(kernel) {
  const started = performance.now();
  let state = "unknown";
  let ready = false;
  const tell = () => {
    ready ||= shown() || broken();
    document.body.classList.toggle("imgcap-shown", ready);
    if (state === "dead" || disconnected()) {
      document.body.classList.add("imgcap-ended");
      say(ready ? "ended" : "failed");
    } else if (state === "unreachable") say("unreachable");
    else if (broken()) say("broken");
    else say(!ready && performance.now() - started > slowAfter ? "slow" : null);
  };
  let asked = false; // a chart changes the page a thousand times; once a frame is enough
  const askToTell = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      tell();
    });
  };
  new MutationObserver(askToTell).observe(document.getElementById("rendered_cells"), {
    attributeFilter: ["class"],
    childList: true,
    subtree: true,
  });
  const poll = async () => {
    state = await kernelState(kernel);
    tell();
    if (state !== "dead") setTimeout(poll, ready ? pollShown : pollStarting);
  };
  setTimeout(poll, pollStarting);
}

// Jupyter refuses a POST without this token, and Voilà's page is served without the cookie that holds it. The check is that cookie and
// form agree, so that a random value of our own serves as well; another site can neither read nor set it.
function xsrfToken(path) {
  const given = document.cookie.match(/\b_xsrf=([^;]*)/);
  if (given) return given[1];
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const token = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  document.cookie = `_xsrf=${token}; path=${path}; SameSite=Lax`;
  return token;
}

function endKernelWithPage(base, kernelId) {
  xsrfToken(base);
  window.addEventListener("pagehide", () => {
    const form = new FormData();
    form.append("_xsrf", xsrfToken(base));
    navigator.sendBeacon(`${base}voila/api/shutdown/${kernelId}`, form);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload(); // back by the browser's history: the kernel is gone
  });
}

function followTheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const set = () => {
    document.body.dataset.jpThemeLight = String(!dark.matches);
    document.body.dataset.jpThemeName = dark.matches ? "JupyterLab Dark" : "JupyterLab Light";
  };
  dark.addEventListener("change", set);
  set();
}

// anywidget gives up a widget whose module takes more than two seconds to load, as plotly's does on a telephone: it then stays as it was.
const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (milliseconds) => timeout(Math.max(milliseconds, loading));

// Voilà ends the kernel on beforeunload, which telephones do not send, and which comes also when the visitor stays: after a download or a
// mail link. pagehide comes when the page really goes. This listener is the first on the window, hence can keep the event from Voilà's.
window.addEventListener("beforeunload", (event) => event.stopImmediatePropagation());

// Voilà calls these: the one when it has loaded its theme, the other while a page takes long.
window.voila_finish = () => {};
window.voila_heartbeat = () => {};

const { baseUrl, kernelId } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
endKernelWithPage(baseUrl, kernelId);
followTheme();
watch(`${baseUrl}api/kernels/${kernelId}`);
