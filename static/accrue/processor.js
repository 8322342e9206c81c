/*
 * Confirms a payment, or sets a card up, with Stripe.js.
 *
 * A form with data-processor says what is to be done: "next" (what the bank asks), "pay" (with a card that is
 * there) or "card" (take a new one). Its action gives a client secret, which lives in this page's memory alone.
 * Whatever comes of it, the page that is returned to asks the processor how things stand, and says so.
 */
(function () {
  "use strict";

  const LOST = "The payment provider can't be reached. Nothing was done; please try again in a minute.";

  function say(form, text) {
    form.querySelector("[data-said]").textContent = text;
  }

  function wait(form, busy) {
    const button = form.querySelector("[type=submit]");
    button.disabled = busy;
    button.setAttribute("aria-busy", String(busy));
  }

  async function secretFor(form) {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      credentials: "same-origin",
      cache: "no-store",
      headers: { Accept: "application/json" },
    });
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    const said = isJson ? await answer.json() : {};
    if (!answer.ok) {
      throw new Error(said.error || "This page was open for too long. Please reload it and try again.");
    }
    return said;
  }

  function carryOut(stripe, form, elements, said) {
    const { client_secret: clientSecret } = said;
    const confirmParams = { return_url: new URL(said.onward, location.href).href };
    const redirect = "if_required";
    if (form.dataset.processor === "next") {
      return stripe.handleNextAction({ clientSecret });
    }
    if (form.dataset.processor === "card") {
      return stripe.confirmSetup({ elements, confirmParams, redirect });
    }
    const chosen = form.querySelector("[name=payment_method]:checked");
    if (chosen) {
      confirmParams.payment_method = chosen.dataset.method;
    }
    return stripe.confirmPayment({ clientSecret, confirmParams, redirect });
  }

  async function send(stripe, form, fields) {
    say(form, "");
    wait(form, true);
    let said = fields && fields.said;
    try {
      if (fields) {
        const checked = await fields.elements.submit();
        if (checked.error) {
          // Stripe's own fields say what is missing.
          wait(form, false);
          return;
        }
      } else {
        said = await secretFor(form);
      }
    } catch (error) {
      say(form, error instanceof TypeError ? LOST : error.message);
      wait(form, false);
      return;
    }
    try {
      if (said.client_secret) {
        await carryOut(stripe, form, fields && fields.elements, said);
      }
    } finally {
      // Also when Stripe.js refuses: by now the payment may stand otherwise than this page says.
      location.assign(said.onward);
    }
  }

  async function show(stripe, form) {
    const said = await secretFor(form);
    if (!said.client_secret) {
      throw new Error("There is nothing left to do here. Reload the page to see how it stands.");
    }
    const elements = stripe.elements({ clientSecret: said.client_secret, appearance: colors() });
    elements.create("payment").mount(form.querySelector("[data-fields]"));
    return { said, elements };
  }

  function colors() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    return { theme: dark ? "night" : "stripe" };
  }

  async function begin(form) {
    if (typeof Stripe === "undefined") {
      say(form, "The payment provider's script couldn't be loaded. Check your connection, then reload.");
      return;
    }
    const account = form.dataset.account;
    const stripe = Stripe(form.dataset.key, account ? { stripeAccount: account } : undefined);
    let fields = null;
    try {
      fields = form.dataset.processor === "card" ? await show(stripe, form) : null;
    } catch (error) {
      say(form, error instanceof TypeError ? LOST : error.message);
      return;
    }
    wait(form, false);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      send(stripe, form, fields);
    });
  }

  document.querySelectorAll("form[data-processor]").forEach(begin);
})();
