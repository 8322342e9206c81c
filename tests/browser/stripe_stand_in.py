"""What a browser gets instead of Stripe.js and Stripe's hosts, where no test may go.

The requests are answered at the browser, so that the page and its policy are as they are in life: the script
comes from js.stripe.com, the bank's page is framed, and the calls go to api.stripe.com.
"""

from __future__ import annotations

import json
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

#: As much of Stripe.js as our script uses, with the errors that it gives.
SCRIPT = """
window.Stripe = function (key) {
  async function call(path, said) {
    const answer = await fetch("https://api.stripe.com/v1/" + path, {
      method: "POST",
      body: new URLSearchParams({ key, ...said }),
    });
    return answer.json();
  }
  function framed(holder, src, title) {
    const frame = document.createElement("iframe");
    frame.src = src;
    frame.title = title;
    frame.style.width = "100%";
    frame.style.border = "0";
    holder.append(frame);
    return frame;
  }
  function heard() {
    return new Promise((resolve) => {
      addEventListener("message", (event) => resolve(event.data), { once: true });
    });
  }
  return {
    async handleNextAction({ clientSecret }) {
      const bank = framed(document.body, "https://hooks.stripe.com/bank", "Your bank");
      const outcome = await heard();
      bank.remove();
      return call("next_action", { client_secret: clientSecret, outcome });
    },
    confirmPayment({ clientSecret, confirmParams }) {
      const method = confirmParams.payment_method || "";
      return call("confirm", { client_secret: clientSecret, payment_method: method });
    },
    confirmSetup({ elements, confirmParams }) {
      return call("confirm_setup", { client_secret: elements.clientSecret });
    },
    elements({ clientSecret }) {
      return {
        clientSecret,
        create: () => ({
          mount: (holder) => framed(holder, "https://js.stripe.com/fields", "Secure payment input"),
        }),
        submit: async () => ({}),
      };
    },
  };
};
"""

BANK = """<!DOCTYPE html><html lang="en"><title>Your bank</title><main><h1>Your bank</h1>
<button onclick="parent.postMessage('succeed', '*')">Complete</button>
<button onclick="parent.postMessage('fail', '*')">Fail</button></main></html>"""

FIELDS = """<!DOCTYPE html><html lang="en"><title>Card</title><main>
<label>Card number <input inputmode="numeric"></label></main></html>"""


def stand_in(page: Page, act: Callable[[str, dict[str, str]], None]) -> list[str]:
    """Answer what the page asks of Stripe's hosts; return the addresses of all that it asks of anybody.

    :param act: carries out a call, given its name and what was said.
    """
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def answer_call(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        act(name, dict(urllib.parse.parse_qsl(route.request.post_data or "")))
        route.fulfill(
            headers={"Access-Control-Allow-Origin": "*"},
            content_type="application/json",
            body=json.dumps({}),
        )

    def answer_script(route: Route) -> None:
        if route.request.url.endswith("/stripe.js"):
            route.fulfill(content_type="text/javascript", body=SCRIPT)
        else:
            route.fulfill(content_type="text/html", body=FIELDS)

    page.route("https://js.stripe.com/**", answer_script)
    page.route(
        "https://hooks.stripe.com/**",
        lambda route: route.fulfill(content_type="text/html", body=BANK),
    )
    page.route("https://api.stripe.com/**", answer_call)
    return asked
