"use strict";

const said = document.getElementById("said");

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("the browser refused to copy");
  }
}

for (const button of document.querySelectorAll(".copy button")) {
  button.addEventListener("click", async () => {
    const code = button.closest(".copy").querySelector("code");
    try {
      await copy(code.textContent);
      button.textContent = "Copied";
      button.classList.add("done");
      said.textContent = button.ariaLabel.replace("Copy", "Copied");
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Press Ctrl+C";
      said.textContent = "Selected. Press Ctrl+C to copy.";
    }
    setTimeout(() => { button.textContent = "Copy"; button.classList.remove("done"); }, 1500);
  });
}

for (const time of document.querySelectorAll("time")) {
  const days = Math.floor((new Date(time.dateTime) - Date.now()) / 86400000);
  if (days < 0) {
    time.className = "over";
    time.append(" – over");
  } else if (days <= 60) {
    time.className = "soon";
    time.append(days === 0 ? " – within a day" : ` – in ${days} day${days === 1 ? "" : "s"}`);
  }
}
