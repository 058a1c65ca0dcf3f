// The places of a page that change in the same instant: all follow one model, told in one message.

const PARTS = {
  preview(stage, el, { follow }) {
    let url = null;
    const describe = () => el.querySelector("img")?.setAttribute("alt", stage.get("alt"));
    follow(stage, "version", () => {
      URL.revokeObjectURL(url);
      url = null;
      el.innerHTML = stage.get("preview");
      const image = el.querySelector("img");
      if (!image) return;
      url = URL.createObjectURL(new Blob([stage.get("picture")], { type: "image/jpeg" }));
      image.src = url;
      describe();
    });
    follow(stage, "alt", describe);
    return () => URL.revokeObjectURL(url);
  },

  answers(stage, el, { follow }) {
    const write = () => {
      const place = el.querySelector(".imgcap-writing");
      if (place) place.textContent = stage.get("words");
    };
    follow(stage, "answers", () => {
      el.innerHTML = stage.get("answers");
      write();
    });
    follow(stage, "words", write);
  },

  chart(stage, el, { follow, model }) {
    const mark = () => {
      el.classList.toggle("imgcap-another", stage.get("picture_id") !== model.get("drawn"));
      el.classList.toggle("imgcap-outdated", stage.get("old"));
      el.parentElement?.setAttribute("aria-busy", stage.get("busy"));
    };
    follow(model, "drawn", mark);
    for (const trait of ["picture_id", "old", "busy"]) follow(stage, trait, mark);
  },
};

async function render({ model, el }) {
  const stage = await model.widget_manager.get_model(model.get("stage"));
  const followed = [];
  const follow = (whom, trait, act) => {
    whom.on(`change:${trait}`, act);
    followed.push(() => whom.off(`change:${trait}`, act));
    act();
  };
  const forget = PARTS[model.get("part")](stage, el, { follow, model });
  return () => {
    followed.forEach((end) => end());
    forget?.();
  };
}

export default { render };
