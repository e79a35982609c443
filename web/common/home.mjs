// SPDX-License-Identifier: MIT
// The first page: its links are for a demo, and only that has messages.

const probe = await fetch('/messages/latest', { method: 'HEAD' }).catch(() => null);
document.getElementById('demo-links').hidden = !probe?.ok;
