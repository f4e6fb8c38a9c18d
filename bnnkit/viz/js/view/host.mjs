// The site's stand-in for Jupyter: a model that keeps a widget's state, and a custom element that
// hands it to the same render function.

export class Model {
  constructor(state) {
    this.state = { ...state };
    this.listeners = new Map();
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    if (Object.is(this.state[name], value)) return;
    this.state[name] = value;
    for (const listener of [...(this.listeners.get(`change:${name}`) ?? [])]) listener();
  }

  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(listener);
  }

  off(event, listener) {
    this.listeners.get(event)?.delete(listener);
  }

  save_changes() {}
}

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
