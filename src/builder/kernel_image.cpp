// SPDX-License-Identifier: Apache-2.0
// From a kernel file to a checked kernel image: recognise, unpack, parse.
#include "builder/little_endian.hpp"

#include <xenpp/builder/bzimage.hpp>
#include <xenpp/builder/decompress.hpp>
#include <xenpp/builder/file.hpp>
#include <xenpp/builder/kernel_cache.hpp>
#include <xenpp/builder/kernel_image.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace xenpp::builder {

namespace {

constexpr std::string_view operation = "load kernel";

/// How a kernel file holds its ELF.
struct wrapping {
    std::string description;
    bytes_view packed; ///< empty: the file is the ELF itself
    codec packing = codec::gzip;
};

/// "6.1.0-56-cloud-amd64" of "6.1.0-56-cloud-amd64 (builder@host) #1 SMP ...".
std::string_view first_word(std::string_view s) noexcept {
    return s.substr(0, s.find(' '));
}

result<wrapping> recognise_bzimage(bytes_view file) {
    auto const image = XENPP_TRY(parse_bzimage(file));
    auto const packing = detect_codec(image.payload);
    auto const version = image.version.empty() ? "of unknown version" : first_word(image.version);
    if (packing) {
        return wrapping{fmt::format("Linux bzImage {}, packed with {}", version, name(*packing)),
                        image.payload, *packing};
    }
    if (is_elf(image.payload)) {
        return fail(operation, "the bzImage holds an unpacked kernel, which is not supported");
    }
    return fail(operation, "the bzImage is packed in an unknown way");
}

result<wrapping> recognise(bytes_view file) {
    if (is_elf(file)) {
        return wrapping{"ELF kernel", {}};
    }
    if (is_bzimage(file)) {
        return recognise_bzimage(file);
    }
    // Arm's Image carries its magic at the same place for all its kernels.
    if (has_text(file, 0x38, "ARM\x64")) {
        return fail(operation, "the kernel is of the wrong architecture: AArch64, not x86");
    }
    if (auto const packing = detect_codec(file)) {
        return wrapping{fmt::format("ELF kernel, packed with {}", name(*packing)), file, *packing};
    }
    return fail(operation, "not a kernel: neither a Linux bzImage nor an ELF file");
}

/// Errors from the parsers below, as this file's own operation.
unexpected<error> retold(error const& e, std::string_view prefix = {}) {
    return fail(operation, e.code, std::string(prefix) + e.detail);
}

result<elf_image> parse_unpacked(bytes_view elf, bool was_packed) {
    auto image = parse_elf(elf);
    if (!image) {
        return retold(image.error(), was_packed ? "after unpacking, " : "");
    }
    return image;
}

} // namespace

result<gpa> kernel_image::pvh_entry() const {
    auto const note = elf_.notes.phys32_entry;
    if (!note) {
        return fail(operation,
                    std::string("the kernel has no PVH entry (ELF note PHYS32_ENTRY); ") +
                        (elf_.notes.entry ? "it has a PV one: type = \"pv\""
                                          : "for Linux enable CONFIG_PVH"));
    }
    auto const entry = gpa(*note);
    auto const holds = [&](elf_segment const& s) { return s.paddr <= entry && entry < s.end(); };
    if (*note > UINT32_MAX || std::none_of(elf_.segments.begin(), elf_.segments.end(), holds)) {
        return fail(
            operation,
            fmt::format("the kernel is damaged: its PVH entry {:#x} lies in no segment", *note));
    }
    return entry;
}

result<kernel_image> parse_kernel(mapping file, std::size_t limit) {
    auto const how = XENPP_TRY(recognise(file.bytes()));
    if (!how.packed.empty()) {
        auto unpacked = decompress(how.packing, how.packed, limit);
        if (!unpacked) {
            return retold(unpacked.error());
        }
        file = *std::move(unpacked);
    }
    auto elf = XENPP_TRY(parse_unpacked(file.bytes(), !how.packed.empty()));
    return kernel_image(std::move(file), std::move(elf), how.description);
}

result<kernel_image> load_kernel(std::string const& path, kernel_cache const* cache) {
    auto source = XENPP_TRY(file::open(path, operation));
    auto const id = source.identity();
    if (id.size > kernel_size_limit) {
        return fail(operation, fmt::format("{}: larger than any kernel", path));
    }
    bool const packed = !is_elf(source.bytes());
    if (cache != nullptr && packed) {
        if (auto hit = cache->find(id)) {
            if (auto elf = parse_elf(hit->elf.bytes())) {
                return kernel_image(std::move(hit->elf), *std::move(elf),
                                    std::move(hit->description));
            }
        }
    }
    auto image = parse_kernel(std::move(source).take());
    if (!image) {
        return retold(image.error(), path + ": ");
    }
    if (cache != nullptr && packed) {
        // An entry that cannot be written leaves the next load as slow as this one, no more.
        static_cast<void>(cache->store(id, image->description(), image->bytes_.bytes()));
    }
    return image;
}

} // namespace xenpp::builder
