// SPDX-License-Identifier: MIT
// The sign-on page: runs the flow that ?flowId= names.

import { button, el } from '/common/dom.mjs';
import { Flow } from '/common/flow.mjs';
import { setLanguage, t, told } from '/common/strings.mjs';

const FLOW_ID = /^[a-zA-Z0-9]{1,30}$/;
const START = 'factord.start';

setLanguage();
document.getElementById('site').append(...told('page.site',
  { host: location.host }));

const flowId = new URLSearchParams(location.search).get('flowId') ?? '';
const start = startOf(flowId);
const flow = new Flow(document.getElementById('flow'), {
  restart,
  // Should the server rename the flow, a reload has to find it.
  onState: ({ id }) => id && id !== flowId
    && history.replaceState(null, '', `?flowId=${id}`),
});

if (FLOW_ID.test(flowId)) {
  flow.load(flowId);
} else {
  flow.showEnded();
}

// Where "start again" leads: an application of this origin may have left its
// address (the demo does), else the page that the browser came from. Kept for
// this flow, because a reload may lose the referrer.
function startOf(id) {
  const key = `${START}.${id}`;
  const url = sessionStorage.getItem(key) ?? sessionStorage.getItem(START)
    ?? document.referrer;
  sessionStorage.removeItem(START);
  if (!/^https?:/.test(url) || url.startsWith(location.href.split('?')[0])) {
    return null;
  }
  sessionStorage.setItem(key, url);
  return url;
}

function restart() {
  if (start) {
    return el('a', { class: 'button primary', href: start }, t('page.restart'));
  }
  return history.length > 1
    ? button(t('page.back'), () => history.back(), 'primary') : null;
}
