// The site's host: a custom element that hands its state to the same render function as Jupyter does.

import { Model } from "./model.mjs";

export function define(name, render) {
  if (customElements.get(name)) return;
  customElements.define(name, class extends HTMLElement {
    connectedCallback() {
      this.model ??= new Model(JSON.parse(this.querySelector('script[type="application/json"]').textContent));
      const el = document.createElement("div");
      const still = this.querySelector(".btl-still");  // for the printer
      this.replaceChildren(el, ...(still ? [still] : []));
      this.stop = render({ model: this.model, el });
      this.dataset.btlReady = "";
    }

    disconnectedCallback() {
      this.stop?.();
    }
  });
}
