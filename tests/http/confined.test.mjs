// SPDX-License-Identifier: MIT
// The daemon within the bounds that its unit sets, as far as a process can set
// them for itself: system calls, capabilities, privileges, memory.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, source, startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { certificate } from './lib/push.mjs';
import { run, skip, test } from './lib/tap.mjs';

const unit = readFileSync(join(source, 'conf/factord.service.in'), 'utf8');
const said = (name) => unit.split('\n')
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));

function tool(program, args, input)
{
    const { status, stdout, error } = spawnSync(program, args, {
        encoding: 'utf8', input, maxBuffer: 1 << 24 });
    if (error?.code === 'ENOENT')
        skip(`there is no ${program}`);
    assert.equal(status, 0, `${program} ${args.join(' ')}`);
    return stdout;
}

// The names in a set such as @system-service, and in those that it holds.
function namesIn(word)
{
    if (!word.startsWith('@'))
        return [word];
    return tool('systemd-analyze', ['--no-pager', 'syscall-filter', word])
        .split('\n').slice(1).map((line) => line.trim())
        .filter((line) => line && !line.startsWith('#')).flatMap(namesIn);
}

// What all lines SystemCallFilter= leave, in their order.
function allowedNames()
{
    const names = new Set();
    for (const line of said('SystemCallFilter')) {
        const words = line.replace(/^~/, '').split(' ').flatMap(namesIn);
        for (const word of words)
            names[line.startsWith('~') ? 'delete' : 'add'](word);
    }
    return names;
}

function numbersOf(names)
{
    const macros = tool('cc', ['-E', '-dM', '-'],
                        '#include <asm/unistd.h>\n');
    const known = new Map([...macros.matchAll(
        /^#define __NR_(\w+) (\d+)$/gm)].map(([, name, at]) => [name, at]));
    return [...names].filter((name) => known.has(name))
        .map((name) => known.get(name));
}

const confine = join(build, 'tests/confine');

function confined(names)
{
    const made = spawnSync('make', ['-s', 'tests/confine'],
                           { cwd: build, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const list = numbersOf(names).join(',');
    if (spawnSync(confine, [list, '/bin/true']).status === 77)
        skip('confine does not know this processor');
    return [confine, list];
}

// The unit runs a user of its own.  As root, SQLite gives new files to the
// owner of the old one.
const ofRoot = process.getuid() === 0 ? ['fchown'] : [];

const tls = () => ({ certificate: certificate().cert, key: certificate().key });

test('K4: a sign-on by https within the unit\'s system calls, without ' +
     'capability, privilege and core dump', async () => {
    const names = allowedNames();
    assert.ok(names.has('accept4') && !names.has('setrlimit') &&
              !names.has('setuid') && !names.has('ptrace'));
    const d = await startDaemon((port) => ({
        server: { base_url: `https://localhost:${port}`, tls: tls() } }), {
        within: confined([...names, ...ofRoot]), start: false });
    d.ca = readFileSync(certificate().cert);
    Object.defineProperty(d, 'local', {
        value: `https://localhost:${d.port}` });
    await d.start();
    const user = await d.user();
    const flow = await Flow.begin(d, { client: 'shop-spa' });
    mustBe(await flow.signOn(user), 'COMPLETED');
    d.child.kill('SIGHUP');
    await until('the reload', () => /was read again/.test(d.output));
    const { stdout } = await d.ctl('backup', join(d.folder, 'copy.db'));
    assert.match(stdout, /./);
    const status = readFileSync(`/proc/${d.child.pid}/status`, 'utf8');
    assert.match(status, /^Seccomp:\t2$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^CapBnd:\t0+$/m);
    assert.match(status, /^CapEff:\t0+$/m);
    const limits = readFileSync(`/proc/${d.child.pid}/limits`, 'utf8');
    assert.match(limits, /^Max core file size +0 +0 /m);
    const end = await d.stop();
    assert.deepEqual([end.status, end.signal], [0, null], end.output);
});

test('the bounds bind: without one of its calls it does not start',
     async () => {
    const names = allowedNames();
    names.delete('listen');
    const d = await startDaemon({}, { within: confined(names),
                                      start: false });
    d.launch();
    assert.equal((await d.ended).signal, 'SIGSYS');
});

await run();
