// SPDX-License-Identifier: MIT
// Hand-made pages for the states that everybody meets; the others have a
// title in strings.mjs and nothing special. Each makes a view:
//   {title, lead, body: [nodes], shown(action), leave()}
// shown: it stands on the page, after that action; true when it said so.
// leave: it goes.

import { button, el } from './dom.mjs';
import { deviceTiles, deviceType, makeForm } from './forms.mjs';
import { CODE, otherActions } from './generic.mjs';
import { has, t, told } from './strings.mjs';

// Sent without a click; the view has a button as well, should it fail.
export const AUTOMATIC = {
  OTP_VERIFIED: 'continueAuthentication',
  MFA_COMPLETED: 'continueAuthentication',
  AUTHENTICATION_REQUIRED: 'authenticate',
};

export const VIEWS = {
  USERNAME_PASSWORD_REQUIRED: passwordView,
  DEVICE_SELECTION_REQUIRED: selectionView,
  OTP_REQUIRED: otpView,
  RESUME: resumeView,
  COMPLETED: completedView,
};

function passwordView(state, flow) {
  const form = makeForm(flow, {
    action: 'checkUsernamePassword',
    blame: 'password',
    fields: [
      { name: 'username', autocomplete: 'username', value: state.username,
        readonly: state.allowUsernameEdits === false },
      { name: 'password', autocomplete: 'current-password', type: 'password' },
      state.showRememberMyUsername && { name: 'rememberMyUsername',
        type: 'checkbox', checked: state.rememberMyUsernameSelected },
      state.showThisIsMyDevice && { name: 'thisIsMyDevice',
        type: 'checkbox', checked: state.thisIsMyDeviceSelected },
    ].filter(Boolean),
  });
  return {
    title: t('title.USERNAME_PASSWORD_REQUIRED'),
    body: [flow.can('checkUsernamePassword') && form.node,
      otherActions(state, flow, ['checkUsernamePassword'])],
  };
}

// Also who wants to change their devices meets this page first, and is told
// why; what they have asked for is not offered again.
function selectionView(state, flow) {
  const asked = state.manageDeviceRequested
    && (state.manualPairing ? 'setupMfa' : 'manageDevices');
  return {
    title: t('title.DEVICE_SELECTION_REQUIRED'),
    lead: t(`lead.${asked || 'DEVICE_SELECTION_REQUIRED'}`),
    body: [deviceTiles(flow, 'selectDevice', state.devices),
      otherActions(state, flow, ['selectDevice', asked])],
  };
}

function otpView(state, flow) {
  const { devices = [], selectedDeviceRef: ref } = state;
  const device = devices.find(({ id }) => id === ref?.id);
  const failed = device?.deliveryFailed === true;
  const form = makeForm(flow, { action: 'checkOtp', fields: [CODE] });
  const resend = makeResend(flow, form);
  return {
    title: t('title.OTP_REQUIRED'),
    lead: sentTo(device),
    body: [form.node, flow.can('resendOtp') && resend.node,
      otherDevices(state, devices.filter((one) => one !== device), flow,
        form.place, failed),
      otherActions(state, flow, ['checkOtp', 'resendOtp', 'selectDevice'])],
    shown(action) {
      const resent = action === 'resendOtp';
      if (action && action !== 'checkOtp') {
        resend.rest(state.resendCooldownSeconds);
      }
      if (failed) {
        form.notice.tell([t('otp.undelivered')]);
      } else if (resent) {
        form.notice.note(t('otp.resent'));
      }
      return failed || resent;
    },
    leave: resend.stop,
    watch: Boolean(device?.target) && !failed,
  };
}

function sentTo(device) {
  const { target } = device ?? {};
  const key = `sent.${deviceType(device)}`;
  if (has(key) && (target || key === 'sent.TOTP')) {
    return told(key, { target });
  }
  return told(target ? 'sent.other' : 'sent.unknown', { target });
}

// "Send again", which counts down after a code was sent, and when the server
// says that it is too soon.
function makeResend(flow, form) {
  let timer = null;
  const node = button(t('action.resendOtp'), () => timer
    ?? flow.act('resendOtp', {}, { ...form.place, show }, node),
  'plain', 'resendOtp');

  function show(error) {
    const seconds = error.details
      ?.find(({ code }) => code === 'OTP_RESEND_TOO_SOON')?.retryAfterSeconds;
    form.notice.show(error);
    rest(seconds, () => form.notice.note(t('otp.resendNow')));
  }

  function rest(seconds, over = () => {}) {
    if (seconds > 0) {
      const until = performance.now() + seconds * 1000;
      clearInterval(timer);
      timer = setInterval(tick, 250, until, over);
      tick(until, over);
    }
  }

  function tick(until, over) {
    const n = Math.ceil((until - performance.now()) / 1000);
    if (n > 0) {
      node.textContent = t('otp.resendIn', { n });
      node.classList.add('cooling');
    } else {
      stop();
      over();
    }
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    node.textContent = t('action.resendOtp');
    node.classList.remove('cooling');
  }

  return { node, rest, stop };
}

function otherDevices(state, others, flow, place, open) {
  return others.length > 0 && state.changeDevicePermitted !== false
    && flow.can('selectDevice') && el('details', { open },
    el('summary', {}, t('otp.other')),
    deviceTiles(flow, 'selectDevice', others, place));
}

function resumeView({ resumeUrl }) {
  // Nothing but a web address: a javascript: one would be run here.
  const safe = /^https?:\/\//.test(resumeUrl);
  if (safe) {
    location.replace(resumeUrl);
  }
  return {
    title: t('title.RESUME'),
    lead: t('lead.RESUME'),
    body: [safe && el('a', { class: 'button primary', href: resumeUrl },
      t('action.continueAuthentication'))],
  };
}

function completedView() {
  return { title: t('title.COMPLETED'), lead: t('lead.COMPLETED'), body: [] };
}
