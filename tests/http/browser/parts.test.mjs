// SPDX-License-Identifier: MIT
// Page parts in Chromium: a plugin's module draws its states; where it cannot,
// the plain form is there.
import assert from 'node:assert/strict';

import { pluginFolder } from '../lib/plugins.mjs';
import { run, test } from '../lib/tap.mjs';
import { visit } from './lib/chrome.mjs';
import { beginDemo, demoDaemon, password, ways } from './lib/demo.mjs';

const daemon = await demoDaemon({
    plugin_directory: pluginFolder(['adapter-bell'],
                                   ['bell-ready.mjs', 'bell-broken.mjs']),
    adapters: { bell: { plugin: 'bell' } },
    policies: { bell: { steps: [
        { adapter: 'password' },
        { adapter: 'bell', input: { policy: { value: 'ding' } } } ] } },
    clients: { demo: { policies: ['bell'], claims: null } },
});

const bell = (tab) => tab.page.evaluate(() => document.body.dataset.bell);

for (const way of Object.keys(ways))
    test(`${way}: a part draws its state, and acts`, async () => {
        const user = await daemon.user();
        await visit({ languages: 'de' }, async (visitor) => {
            const tab = await beginDemo(visitor, daemon, way);
            const german = way === 'redirect'; // the demo's own is English
            await (german ? fillGerman(tab, user) : password(tab, user));
            await tab.step('Ready');
            await tab.see(german ? 'ding in de: Weiter'
                                 : 'ding in en: Continue');
            assert.equal(await bell(tab), 'there');
            // Nothing of the plain form stands beside it.
            assert.deepEqual(await tab.page.$$eval(
                '.view button', (all) => all.map((one) => one.textContent)),
                             ['Ring']);
            await tab.press('Ring');
            await tab.step('Broken');
            assert.equal(await bell(tab), 'gone');
            assert.equal(tab.posts('pass').length, 1);
        });
    });

async function fillGerman(tab, user)
{
    await tab.fill('Benutzername', user.username);
    await tab.fill('Passwort', user.password);
    await tab.press('Anmelden');
}

test('where a part fails the plain form is there', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'here');
        await password(tab, user);
        await tab.step('Ready');
        await tab.press('Ring');
        await tab.step('Broken');
        await tab.press('Finish');
        await tab.step('Verified');
        assert.equal((await tab.text()).includes('half'), false);
    });
});

test('where a part cannot be loaded the plain form is there', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'here');
        await tab.page.setRequestInterception(true);
        tab.page.on('request', (request) =>
            request.url().includes('/parts/')
                ? request.respond({ status: 404 }) : request.continue());
        await password(tab, user);
        await tab.step('Ready');
        await tab.press('Pass');
        await tab.step('Broken');
        await tab.press('Finish');
        await tab.step('Verified');
        tab.refused('GET /parts/bell/bell-ready.mjs 404',
                    'GET /parts/bell/bell-broken.mjs 404');
    });
});

await run();
