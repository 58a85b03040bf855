#!/usr/bin/env node
// Installs the programs that e2e tests run, where they are missing: network namespaces, strace, curl, and Python with venv
// for the Python clients and agents. Debian or Ubuntu, as root.
import { $ } from "zx";
import { install, installUnlessThere } from "./test-env/debian.ts";

$.verbose = false;
await installUnlessThere("ip", "iproute2");
await installUnlessThere("strace", "strace");
await installUnlessThere("curl", "curl", "ca-certificates");
// Debian's `python3` comes without the part that makes environments.
const venv = await $`python3 -c ${"import ensurepip, venv"}`.nothrow().quiet();
if (venv.exitCode !== 0) await install("python3", "python3-venv");
