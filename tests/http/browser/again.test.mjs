// SPDX-License-Identifier: MIT
// slow
// Each state after a reload, after "back", and in a second tab; and none of
// them without a way out.
import assert from 'node:assert/strict';

import { until } from '../lib/daemon.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { daemon, states } from './lib/states.mjs';

const heading = (tab) => tab.page.$eval('h1[tabindex]', (node) =>
    node.textContent);

// What leads away without going on.
const exit = /^(Cancel|Back|Not now|End this sign-on|No, this is not my phone)$/;

const controls = (tab) => tab.page.$$eval('button, a', (all) => all
    .filter((node) => node.checkVisibility())
    .map((node) => node.textContent));

// Drawn, with the plugin's part.
const drawn = (tab, wanted) => until(`"${wanted}" and a way out`, async () =>
    await heading(tab).catch(() => null) === wanted &&
    (await controls(tab)).some((text) => exit.test(text)), patience)
    .catch(async (error) => {
    throw new Error(`${error.message}; the page says:\n${await tab.text()}`);
});

for (const [name, reach] of Object.entries(states))
    test(`reload, back, second tab: ${name}`, { timeout: 120000 }, () =>
        visit({}, async (visitor) => {
        const { tab, fields = {}, act, after, next } = await reach(visitor);
        const title = await heading(tab), before = tab.url.href;
        await drawn(tab, title);
        const posts = () => tab.requests.filter((request) =>
            request.method() === 'POST' && !/\/qr$/.test(request.url())).length;
        const made = posts();
        await tab.reload();
        await drawn(tab, title);
        await tab.open(`${daemon.base}/`);
        await tab.back();
        await drawn(tab, title);
        const other = await visitor.tab(before);
        await drawn(other, title);
        // Two that wait would both go on, and one of them too late.
        await other.page.goto('about:blank');
        await tab.front();
        // Looking is all that was done.
        assert.equal(posts(), made);

        if (name.startsWith('device management')) // tiles are closed again
            await tab.page.locator('summary ::-p-text(Text message)').click();
        if (name.endsWith('removal'))
            await tab.page.locator('.device[open] ::-p-text(Remove)').click();
        if (/instead|another device/.test(name))
            await tab.page.locator('summary').click();
        for (const [label, text] of Object.entries(fields)) {
            const field = await tab.find('textbox', label);
            await field.click({ count: 3 });
            await field.type(text);
        }
        await after?.();
        await act?.(tab);
        if (name !== 'password') // which was a wrong one
            await next(tab);
        else
            await tab.see('recognize the username');
        tab.replies.splice(0);
    }));

await run();
