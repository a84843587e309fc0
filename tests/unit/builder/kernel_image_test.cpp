// SPDX-License-Identifier: Apache-2.0
// Kernel files of every kind, good and bad, and the cache of unpacked ones.
#include "fakes/bytes_on_disk.hpp"
#include "fakes/packer.hpp"

#include <xenpp/builder/kernel_cache.hpp>
#include <xenpp/builder/kernel_image.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace xenpp;
using namespace xenpp::builder;
using namespace xenpp::fakes;

namespace {

std::string why_not(std::string const& path) {
    auto const r = load_kernel(path);
    REQUIRE_FALSE(r);
    CHECK(r.error().operation == "load kernel");
    return r.error().message();
}

/// The error of a file with these bytes, without the operation and path that lead it.
std::string why_not(byte_vector const& bytes) {
    scratch_folder const folder;
    auto const path = folder.file("vmlinuz", bytes);
    auto const said = why_not(path);
    auto const lead = "load kernel: " + path + ": ";
    REQUIRE(said.substr(0, lead.size()) == lead);
    return said.substr(lead.size());
}

byte_vector with_size(byte_vector packed, std::size_t size) {
    auto const length = bytes_of_number(static_cast<std::uint32_t>(size));
    packed.insert(packed.end(), length.begin(), length.end());
    return packed;
}

byte_vector linux_like() {
    auto const elf = elf_maker{}.build();
    return make_bzimage(with_size(pack_lz4(elf), elf.size()));
}

std::size_t files_in(std::filesystem::path const& folder) {
    std::size_t n = 0;
    for (auto const& e : std::filesystem::directory_iterator(folder)) {
        static_cast<void>(e);
        ++n;
    }
    return n;
}

/// When a file was used and written, in seconds.
std::pair<long, long> times_of(std::filesystem::path const& file) {
    struct ::stat st = {};
    REQUIRE(::stat(file.c_str(), &st) == 0);
    return {st.st_atim.tv_sec, st.st_mtim.tv_sec};
}

void set_times(std::filesystem::path const& file, long used, long written) {
    timespec const times[] = {{used, 0}, {written, 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
}

/// The one entry of a cache.
std::filesystem::path only_entry(std::filesystem::path const& folder) {
    REQUIRE(files_in(folder) == 1);
    return std::filesystem::directory_iterator(folder)->path();
}

} // namespace

TEST_CASE("kernel_image.elf_bzimage_and_packed_elf_hold_the_same_kernel") {
    auto const elf = elf_maker{}.build();

    struct kind {
        byte_vector bytes;
        std::string description;
    };

    kind const kinds[] = {
        {elf, "ELF kernel"},
        {pack_gzip(elf), "ELF kernel, packed with gzip"},
        {make_bzimage(pack_gzip(elf)), "Linux bzImage 6.1.0-test, packed with gzip"},
        {make_bzimage(with_size(pack_xz(elf), elf.size())),
         "Linux bzImage 6.1.0-test, packed with xz"},
        {make_bzimage(with_size(pack_zstd(elf), elf.size())),
         "Linux bzImage 6.1.0-test, packed with zstd"},
        {make_bzimage(with_size(pack_lzma(elf), elf.size())),
         "Linux bzImage 6.1.0-test, packed with lzma"},
        {linux_like(), "Linux bzImage 6.1.0-test, packed with lz4"},
        {make_bzimage(pack_gzip(elf), 0x0208, ""),
         "Linux bzImage of unknown version, packed with gzip"},
    };
    scratch_folder const folder;
    for (auto const& k : kinds) {
        CAPTURE(k.description);
        auto const image = load_kernel(folder.file("vmlinuz", k.bytes)).value();
        CHECK(image.description() == k.description);
        CHECK(image.pvh_entry().value() == gpa(0x100000));
        REQUIRE(image.elf().segments.size() == 1);
        auto const code = image.contents(image.elf().segments[0]);
        CHECK(byte_vector(code.begin(), code.end()) == bytes_of("code"));
    }
}

TEST_CASE("kernel_image.a_file_that_cannot_be_read_is_named") {
    scratch_folder const folder;
    auto const missing = (folder.path() / "missing").string();
    CHECK(why_not(missing) == "load kernel: " + missing + ": No such file or directory (errno 2)");
    auto const dir = folder.path().string();
    CHECK(why_not(dir) == "load kernel: " + dir + ": Is a directory (errno 21)");
    auto const empty = folder.file("empty", {});
    CHECK(why_not(empty) == "load kernel: " + empty + " is empty");
    auto const fifo = (folder.path() / "fifo").string();
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(why_not(fifo) == "load kernel: " + fifo + " is not a regular file");
}

TEST_CASE("kernel_image.what_is_no_kernel_is_told") {
    CHECK(why_not(bytes_of("#!/bin/sh\n")) ==
          "not a kernel: neither a Linux bzImage nor an ELF file");
    auto arm = byte_vector(128);
    poke(arm, 0x38, std::uint32_t{0x644d5241});
    CHECK(why_not(arm) == "the kernel is of the wrong architecture: AArch64, not x86");
    elf_maker m;
    m.machine = 243;
    CHECK(why_not(m.build()) == "the kernel is of the wrong architecture: RISC-V, not x86");
    CHECK(why_not(pack_gzip(bytes_of("a ramdisk"))) == "after unpacking, it is not an ELF file");
}

TEST_CASE("kernel_image.each_defect_of_a_bzimage_is_told") {
    auto const good = linux_like();
    auto const cut = [&](std::size_t n) {
        return byte_vector(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
    };
    CHECK(why_not(cut(0x220)) ==
          "the bzImage is truncated in its setup header: the file has 544 bytes");
    CHECK(why_not(cut(good.size() - 1)) == "the bzImage is truncated: its payload ends at byte " +
                                               std::to_string(good.size()) + ", the file at " +
                                               std::to_string(good.size() - 1));
    CHECK(why_not(make_bzimage(pack_gzip(bytes_of("x")), 0x0207)) ==
          "the bzImage has boot protocol 2.07; 2.08 or later is needed");
    CHECK(why_not(make_bzimage({})) == "the bzImage has an empty payload");
    CHECK(why_not(make_bzimage(bytes_of("what is this"))) ==
          "the bzImage is packed in an unknown way");
    CHECK(why_not(make_bzimage(elf_maker{}.build())) ==
          "the bzImage holds an unpacked kernel, which is not supported");
    CHECK(why_not(make_bzimage(bytes_of("BZh9"))) == "bzip2 compression is not supported");
    auto packed = pack_gzip(elf_maker{}.build());
    packed.resize(packed.size() / 2);
    CHECK(why_not(make_bzimage(packed)) == "the gzip data is truncated");
}

TEST_CASE("kernel_image.the_setup_sector_count_0_means_4") {
    auto bytes = make_bzimage({});
    poke(bytes, 0x1f1, std::uint8_t{0});
    auto const payload = pack_gzip(elf_maker{}.build());
    poke(bytes, 0x24c, static_cast<std::uint32_t>(payload.size()));
    bytes.resize(5 * 512 + 16);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    CHECK(parse_kernel(mapped(bytes)));
}

TEST_CASE("kernel_image.an_entry_must_be_there_and_lie_in_a_segment") {
    auto const entry_error = [](elf_maker const& m) {
        auto const k = parse_kernel(mapped(m.build())).value();
        auto const e = k.pvh_entry();
        REQUIRE_FALSE(e);
        return e.error().detail;
    };
    elf_maker none;
    none.notes.clear();
    CHECK(entry_error(none) ==
          "the kernel has no PVH entry (ELF note PHYS32_ENTRY); for Linux enable CONFIG_PVH");
    elf_maker outside;
    outside.notes[0].contents = bytes_of_number(std::uint64_t{0x101000});
    CHECK(entry_error(outside) ==
          "the kernel is damaged: its PVH entry 0x101000 lies in no segment");
    elf_maker high;
    high.segments[0].paddr = 0x1'0000'0000;
    high.notes[0].contents = bytes_of_number(std::uint64_t{0x1'0000'0000});
    CHECK(entry_error(high) ==
          "the kernel is damaged: its PVH entry 0x100000000 lies in no segment");
}

TEST_CASE("kernel_image.unpacking_stops_at_the_limit") {
    elf_maker m;
    m.segments[0].content.resize(100'000);
    m.segments[0].memory_size = 100'000;
    auto const r = parse_kernel(mapped(pack_gzip(m.build())), 50'000);
    REQUIRE_FALSE(r);
    CHECK(r.error().detail == "the gzip data unpacks to more than 50000 bytes");
}

TEST_CASE("kernel_cache.the_second_load_comes_from_the_cache") {
    scratch_folder const folder;
    auto const path = folder.file("vmlinuz", linux_like());
    kernel_cache const cache((folder.path() / "cache").string());
    auto const first = load_kernel(path, &cache).value();
    auto const entry = only_entry(folder.path() / "cache");
    set_times(entry, 1000, 1000); // as if used, and written, long ago
    auto const second = load_kernel(path, &cache).value();
    CHECK(times_of(entry).first > 1'000'000); // used
    CHECK(times_of(entry).second == 0);       // and sealed again, for it was whole
    CHECK(second.description() == first.description());
    CHECK(second.pvh_entry().value() == first.pvh_entry().value());
    auto const a = first.contents(first.elf().segments[0]);
    auto const b = second.contents(second.elf().segments[0]);
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    struct ::stat st = {};
    REQUIRE(::stat(entry.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
}

TEST_CASE("kernel_cache.a_changed_kernel_is_loaded_afresh") {
    scratch_folder const folder;
    auto const path = folder.file("vmlinuz", linux_like());
    kernel_cache const cache((folder.path() / "cache").string());
    REQUIRE(load_kernel(path, &cache));
    auto const old_time = std::filesystem::last_write_time(path);
    elf_maker m;
    m.segments[0].content = bytes_of("news");
    auto const elf = m.build();
    folder.file("vmlinuz", make_bzimage(with_size(pack_lz4(elf), elf.size())));
    std::filesystem::last_write_time(path, old_time); // as `cp -p` would
    auto const image = load_kernel(path, &cache).value();
    auto const code = image.contents(image.elf().segments[0]);
    CHECK(byte_vector(code.begin(), code.end()) == bytes_of("news"));
    CHECK(files_in(folder.path() / "cache") == 1);
}

TEST_CASE("kernel_cache.no_damage_to_an_entry_reaches_a_domain") {
    scratch_folder const folder;
    auto const path = folder.file("vmlinuz", linux_like());
    auto const cache_path = folder.path() / "cache";
    kernel_cache const cache(cache_path.string());
    REQUIRE(load_kernel(path, &cache));
    auto const entry = only_entry(cache_path);
    auto const size = std::filesystem::file_size(entry);
    SECTION("any byte changed") {
        for (std::uintmax_t at = 0; at < size; at += at < 4096 ? 61 : 1) {
            REQUIRE(load_kernel(path, &cache));
            std::fstream f(only_entry(cache_path), std::ios::in | std::ios::out | std::ios::binary);
            f.seekg(static_cast<std::streamoff>(at));
            auto const old = static_cast<char>(f.get());
            f.seekp(static_cast<std::streamoff>(at));
            f.put(static_cast<char>(old ^ 0x10));
            f.close();
            CAPTURE(at);
            auto const image = load_kernel(path, &cache).value();
            CHECK(image.description() == "Linux bzImage 6.1.0-test, packed with lz4");
            CHECK(image.pvh_entry().value() == gpa(0x100000));
        }
    }
    SECTION("cut short") {
        for (std::uintmax_t const n :
             {std::uintmax_t{0}, std::uintmax_t{100}, std::uintmax_t{4096}, size - 1}) {
            std::filesystem::resize_file(entry, n);
            CHECK(load_kernel(path, &cache).value().pvh_entry().value() == gpa(0x100000));
            CHECK(std::filesystem::file_size(entry) == size); // made anew
        }
    }
    SECTION("a link in its place") {
        std::filesystem::remove(entry);
        std::filesystem::create_symlink(path, entry);
        CHECK(load_kernel(path, &cache));
        CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(entry)));
    }
}

TEST_CASE("kernel_cache.a_sealed_entry_is_believed_until_it_is_written_to_or_the_system_restarts") {
    scratch_folder const folder;
    auto const path = folder.file("vmlinuz", linux_like());
    kernel_cache const cache((folder.path() / "cache").string());
    REQUIRE(load_kernel(path, &cache));
    auto const entry = only_entry(folder.path() / "cache");
    CHECK(times_of(entry).second == 0);
    auto const size = std::filesystem::file_size(entry);
    auto const last_byte = [&](std::optional<char> set = {}) {
        std::fstream f(entry, std::ios::in | std::ios::out | std::ios::binary);
        f.seekg(static_cast<std::streamoff>(size) - 1);
        auto const old = static_cast<char>(f.get());
        if (set) {
            f.seekp(static_cast<std::streamoff>(size) - 1);
            f.put(*set);
        }
        return old;
    };
    auto const good = last_byte();
    last_byte(static_cast<char>(good ^ 1));
    SECTION("its time gives the damage away") {
        REQUIRE(load_kernel(path, &cache));
        CHECK(last_byte() == good); // made anew
    }
    SECTION("the time alone is believed") {
        set_times(entry, 1, 0);
        REQUIRE(load_kernel(path, &cache));
        CHECK(last_byte() == static_cast<char>(good ^ 1));
    }
    SECTION("but not in another life of the system") {
        set_times(entry, 1, 0);
        kernel_cache const later((folder.path() / "cache").string(), kernel_cache::default_capacity,
                                 "another");
        REQUIRE(load_kernel(path, &later));
        CHECK(last_byte() == good);
    }
}

TEST_CASE("kernel_cache.the_entries_used_longest_ago_make_room") {
    scratch_folder const folder;
    auto const cache_path = folder.path() / "cache";
    auto const elf = elf_maker{}.build();
    kernel_cache const cache(cache_path.string(), 3 * (4096 + elf.size()));
    auto const id = [](std::uint64_t inode) { return file_identity{.device = 1, .inode = inode}; };
    for (std::uint64_t n = 1; n <= 3; ++n) {
        REQUIRE(cache.store(id(n), "x", elf));
        set_times(cache_path / ("1-" + std::to_string(n) + ".kernel"), static_cast<long>(n), 0);
    }
    CHECK(cache.find(id(1))); // and so 2 is the oldest now
    REQUIRE(cache.store(id(4), "x", elf));
    CHECK(cache.find(id(1)));
    CHECK_FALSE(cache.find(id(2)));
    CHECK(cache.find(id(3)));
    CHECK(cache.find(id(4)));
    CHECK_FALSE(cache.store(id(5), "x", byte_vector(100'000)));
    CHECK(files_in(cache_path) == 3);
}

TEST_CASE("kernel_cache.a_folder_that_others_may_write_is_left_alone") {
    scratch_folder const folder;
    auto const path = folder.file("vmlinuz", linux_like());
    auto const cache_path = folder.path() / "cache";
    REQUIRE(std::filesystem::create_directory(cache_path));
    REQUIRE(::chmod(cache_path.c_str(), 0770) == 0);
    kernel_cache const cache(cache_path.string());
    CHECK(load_kernel(path, &cache));
    CHECK(files_in(cache_path) == 0);
    kernel_cache const nowhere((folder.path() / "a" / "b").string());
    CHECK(load_kernel(path, &nowhere));
}

TEST_CASE("mapping.a_moved_from_mapping_is_empty") {
    scratch_folder const folder;
    auto const path = folder.file("x", bytes_of("header and contents"));
    int const fd = ::open(path.c_str(), O_RDONLY);
    REQUIRE(fd >= 0);
    auto a = mapping::of_file(fd, 19, 11).value();
    ::close(fd);
    auto const b = std::move(a);
    CHECK(a.bytes().empty()); // NOLINT(bugprone-use-after-move): what the test is about
    CHECK(byte_vector(b.bytes().begin(), b.bytes().end()) == bytes_of("contents"));
}
