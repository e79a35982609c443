// SPDX-License-Identifier: MIT
// tests/http/lib/plugins.mjs - a plugin directory with plugins of tests in it.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { build, newFolder, source } from './daemon.mjs';

// The built plugins, and these of tests/plugins ("adapter-bell"), made if they
// are not there: for the setting plugin_directory.  parts: files of
// tests/plugins that lie beside them.
export function pluginFolder(names, parts = [])
{
    const folder = join(newFolder(), 'plugins');
    const targets = names.map((name) => `tests/plugins/${name}.la`);
    const made = spawnSync('make', ['-s', ...targets],
                           { cwd: build, encoding: 'utf8' });
    if (made.status !== 0)
        throw new Error(`make ${targets.join(' ')}: ${made.stderr}`);
    mkdirSync(folder, { mode: 0o755 });
    const take = (file, name) => {
        copyFileSync(file, join(folder, name));
        chmodSync(join(folder, name), 0o644);
    };
    for (const name of readdirSync(join(build, '.libs')))
        if (/^[a-z]+-[a-z-]+\.so$/.test(name))
            take(join(build, '.libs', name), name);
    for (const name of names)
        take(join(build, 'tests/plugins/.libs', `${name}.so`), `${name}.so`);
    for (const name of parts)
        take(join(source, 'tests/plugins', name), name);
    return folder;
}
