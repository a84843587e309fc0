// SPDX-License-Identifier: Apache-2.0
// Reads files and, since `xl create /dev/null` is an idiom, anything else that reads like one.
#include "config/text_file.hpp"

#include <xenpp/config/parse.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace xenpp::config {
namespace {

struct close_file {
    void operator()(std::FILE* f) const { static_cast<void>(std::fclose(f)); }
};

unexpected<diagnostics> unreadable(std::string const& path, int code) {
    diagnostic d;
    d.file = path;
    d.message = std::string("cannot be read: ") +
                std::strerror(code); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
    diagnostics all;
    all.items.push_back(std::move(d));
    return unexpected(std::move(all));
}

} // namespace

expected<std::string, diagnostics> read_text_file(std::string const& path) {
    std::unique_ptr<std::FILE, close_file> const file(std::fopen(path.c_str(), "re"));
    if (file == nullptr) {
        return unreadable(path, errno);
    }
    std::string text;
    char block[16384];
    while (text.size() <= max_text_size) {
        std::size_t const n = std::fread(block, 1, sizeof block, file.get());
        text.append(block, n);
        if (n < sizeof block) {
            break;
        }
    }
    if (std::ferror(file.get()) != 0) {
        return unreadable(path, errno);
    }
    return text;
}

} // namespace xenpp::config
