// SPDX-License-Identifier: MIT
// tests/http/lib/plugins.mjs - a plugin directory with plugins of tests in it.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { build, newFolder, source } from './daemon.mjs';

// These of tests/plugins, made if they are not there.
function makePlugins(names)
{
    const targets = names.map((name) => `tests/plugins/${name}.la`);
    const made = spawnSync('make', ['-s', ...targets],
                           { cwd: build, encoding: 'utf8' });
    if (made.status !== 0)
        throw new Error(`make ${targets.join(' ')}: ${made.stderr}`);
}

const testPlugin = (name) => join(build, 'tests/plugins/.libs', `${name}.so`);

// One that is no plugin, but is loaded before everything.
export function preloaded(name)
{
    makePlugins([name]);
    return testPlugin(name);
}

// The built plugins, and these of tests/plugins ("adapter-bell"), for the setting
// plugin_directory.  parts: files of tests/plugins that lie beside them; kept:
// shared objects that were built long ago, by the name that they have here.
export function pluginFolder(names, parts = [], kept = {})
{
    const folder = join(newFolder(), 'plugins');
    makePlugins(names);
    mkdirSync(folder, { mode: 0o755 });
    const take = (file, name) => {
        copyFileSync(file, join(folder, name));
        chmodSync(join(folder, name), 0o644);
    };
    for (const name of readdirSync(join(build, '.libs')))
        if (/^[a-z]+-[a-z-]+\.so$/.test(name))
            take(join(build, '.libs', name), name);
    for (const name of names)
        take(testPlugin(name), `${name}.so`);
    for (const name of parts)
        take(join(source, 'tests/plugins', name), name);
    for (const [name, file] of Object.entries(kept))
        take(join(source, 'tests/abi', file), name);
    return folder;
}
