// SPDX-License-Identifier: Apache-2.0
// libxlutil 4.17 loses what it had read of a text that it then refuses. The leaks are not ours.

// LeakSanitizer asks for this by name; without a sanitizer nobody does.
extern "C" char const* __lsan_default_suppressions();

extern "C" char const* __lsan_default_suppressions() {
    return "leak:libxlutil\n";
}
