// SPDX-License-Identifier: Apache-2.0
// A disk from rings to file, with a guest that behaves and one that does not.
#include "fakes/block_guest.hpp"
#include "fakes/bytes_on_disk.hpp"

#include <xenpp/dev/vbd/backend.hpp>
#include <xenpp/dev/vbd/inflight.hpp>

#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>
#include <utility>

namespace {

using namespace xenpp;

constexpr std::size_t disk_size = std::size_t{4} << 20;
constexpr auto first_data = fakes::block_guest::data_page;

std::vector<std::uint32_t> pages(std::uint32_t first, std::uint32_t count) {
    std::vector<std::uint32_t> out(count);
    std::iota(out.begin(), out.end(), first);
    return out;
}

/// A guest with one disk of random-looking bytes.
struct bed {
    explicit bed(fakes::block_guest_options const& o = {}, bool is_direct = false) : guest(o) {
        std::vector<std::byte> bytes(disk_size);
        for (std::size_t i = 0; i != bytes.size(); ++i) {
            bytes[i] = static_cast<std::byte>(i * 7 + i / 512);
        }
        image = folder.file("disk.img", bytes);
        guest.services.folder = folder.path().string();
        config.target = image;
        config.vdev = "xvda";
        config.direct_io_safe = is_direct;
    }

    void connect() {
        guest.add(config);
        backend = dev::make_vbd_backend(guest.context()).value();
        features = backend->prepare().value().value();
        guest.offer();
        properties = backend->connect(false).value();
    }

    std::string node(dev::node_list const& in, std::string_view name) const {
        auto const n = std::ranges::find(in, name, &std::pair<std::string, std::string>::first);
        return n == in.end() ? "(none)" : n->second;
    }

    std::vector<std::byte> on_disk(std::size_t offset, std::size_t size) const {
        std::vector<std::byte> out(size);
        std::ifstream f(image, std::ios::binary);
        f.seekg(static_cast<std::streamoff>(offset));
        f.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(size));
        return out;
    }

    bool is_same(std::uint32_t page, std::size_t offset) const {
        return std::memcmp(guest.data(page), on_disk(offset, page_size).data(), page_size) == 0;
    }

    void fill(std::uint32_t page, int with) { std::memset(guest.data(page), with, page_size); }

    fakes::scratch_folder folder;
    std::string image;
    dev::vbd_config config;
    fakes::block_guest guest;
    std::unique_ptr<dev::backend> backend;
    dev::node_list features, properties;
};

/// An image whose work is done when the test says so.
class slow_image final : public dev::block_image {
public:
    explicit slow_image(bool const& is_released) : is_released_(is_released) {
        info_.size = disk_size;
    }

    dev::image_info const& info() const noexcept override { return info_; }

    void submit(dev::image_io const& io) override { tags_.push_back(io.tag); }

    void start() override {}

    void poll(done const& report) override {
        if (is_released_) {
            for (auto const tag : std::exchange(tags_, {})) {
                report(tag, 0);
            }
        }
    }

    int fd() const noexcept override { return event_.get(); }

private:
    bool const& is_released_;
    dev::image_info info_;
    std::vector<std::uint64_t> tags_;
    os::unique_fd event_{::eventfd(0, EFD_CLOEXEC)};
};

} // namespace

TEST_CASE("vbd_backend.reads_and_writes_go_through") {
    fakes::block_guest_options o;
    o.is_persistent = GENERATE(false, true);
    bool const is_direct = GENERATE(false, true);
    bed b(o, is_direct);
    b.connect();
    auto& g = b.guest;
    CHECK(b.node(b.properties, "sectors") == "8192");
    CHECK(b.node(b.properties, "info") == "0");
    CHECK(g.transfer(abi::blkif_op_read, 64, pages(first_data, 3)) == 0);
    for (std::uint32_t i = 0; i != 3; ++i) {
        CHECK(b.is_same(first_data + i, (64 + i * 8) * 512));
    }
    b.fill(first_data, 0xa5);
    b.fill(first_data + 1, 0x5a);
    CHECK(g.transfer(abi::blkif_op_write, 128, pages(first_data, 2)) == 0);
    CHECK(b.is_same(first_data, 128 * 512));
    CHECK(b.is_same(first_data + 1, 136 * 512));
    // An indirect request of 64 pages.
    for (std::uint32_t i = 0; i != 64; ++i) {
        b.fill(first_data + i, static_cast<int>(i));
    }
    CHECK(g.transfer(abi::blkif_op_write, 1024, pages(first_data, 64)) == 0);
    for (std::uint32_t i = 0; i != 64; ++i) {
        CHECK(b.is_same(first_data + i, (1024 + i * 8) * 512));
    }
    CHECK(g.transfer(abi::blkif_op_flush_diskcache, 0, {}) == 0);
    CHECK((g.doors.copy_calls == 0) == o.is_persistent);
    auto const counts =
        dev::vbd_inflight::read_statistics(g.services.state_file(dev::vbd_record_name(g.address)))
            .value();
    CHECK(counts.reads == 1);
    CHECK(counts.writes == 2);
    CHECK(counts.flushes == 1);
    CHECK(counts.read_sectors == 24);
    CHECK(counts.written_sectors == 16 + 512);
    CHECK(b.backend->disconnect());
    CHECK(g.doors.mapped == 0);
    CHECK(g.services.bound.empty());
    CHECK(g.services.fds.empty());
    CHECK_FALSE(std::filesystem::exists(g.services.state_file(dev::vbd_record_name(g.address))));
}

TEST_CASE("vbd_backend.many_requests_on_large_rings_and_several_queues") {
    fakes::block_guest_options o;
    o.queues = GENERATE(1U, 4U);
    o.ring_order = 4;
    o.is_persistent = GENERATE(false, true);
    bed b(o);
    b.connect();
    auto& g = b.guest;
    std::vector<std::uint64_t> ids;
    for (std::uint32_t q = 0; q != o.queues; ++q) {
        CHECK(g.rings[q].size() == 512);
        for (std::uint32_t i = 0; i != 256; ++i) {
            ids.push_back(g.put(abi::blkif_op_read, i * 8 + q, pages(first_data + i, 1), q));
        }
    }
    for (std::uint32_t q = 0; q != o.queues; ++q) {
        g.kick(q);
    }
    for (auto const id : ids) {
        CHECK(g.wait(id) == 0);
    }
    for (std::uint32_t i = 0; i != 256; ++i) {
        CHECK((o.queues != 1 || b.is_same(first_data + i, i * 4096)));
    }
}

TEST_CASE("vbd_backend.what_makes_no_sense_is_refused_and_costs_nothing_else") {
    fakes::block_guest_options o;
    o.is_persistent = GENERATE(false, true);
    bed b(o);
    b.connect();
    auto& g = b.guest;
    CHECK(g.transfer(abi::blkif_op_read, 8192, pages(first_data, 1)) == -1);
    CHECK(g.transfer(abi::blkif_op_read, 8185, pages(first_data, 1)) == -1);
    CHECK(g.transfer(abi::blkif_op_write_barrier, 0, pages(first_data, 1)) == -2);
    CHECK(g.transfer(99, 0, pages(first_data, 1)) == -2);
    CHECK(g.transfer(abi::blkif_op_read, 0, {100'000}) == -1); // no such grant
    CHECK(g.transfer(abi::blkif_op_write, 0, {first_data, 100'000}) == -1);
    g.doors.read_only.insert(grant_ref(first_data + 9));
    CHECK(g.transfer(abi::blkif_op_read, 0, {first_data + 9}) == -1);
    CHECK(g.transfer(abi::blkif_op_write, 0, {first_data + 9}) == 0); // reading it is allowed
    g.indirect_page = 200'000;
    abi::blkif_request raw{};
    abi::blkif_request_indirect in{};
    in.operation = abi::blkif_op_indirect;
    in.nr_segments = 20;
    in.id = 12'345;
    in.indirect_grefs[0] = 200'000;
    std::memcpy(&raw, &in, sizeof in);
    g.rings[0].put(raw);
    g.kick();
    CHECK(g.wait(12'345) == -1);
    CHECK(g.transfer(abi::blkif_op_read, 0, pages(first_data, 1)) == 0);
    CHECK_FALSE(g.failed);
}

TEST_CASE("vbd_backend.a_ring_whose_index_cannot_be_is_the_end_of_the_device") {
    bed b;
    b.connect();
    reinterpret_cast<abi::sring_header*>(b.guest.doors.page(0))->req_prod = 1000;
    b.guest.fire();
    REQUIRE(b.guest.failed);
    CHECK(b.guest.failed->message().find("indices") != std::string::npos);
    CHECK(b.backend->disconnect());
    CHECK(b.guest.doors.mapped == 0);
}

TEST_CASE("vbd_backend.a_successor_does_again_what_was_taken_and_not_answered") {
    fakes::block_guest_options o;
    o.is_persistent = GENERATE(false, true);
    bed b(o);
    b.connect();
    auto& g = b.guest;
    std::vector<std::uint64_t> ids;
    for (std::uint32_t i = 0; i != 20; ++i) {
        b.fill(first_data + i, 0x40 + static_cast<int>(i));
        ids.push_back(g.put(abi::blkif_op_write, i * 8, pages(first_data + i, 1)));
        if (i == 9) {
            g.kick(); // taken; what is done by now is chance
        }
    }
    static_cast<void>(g.rings[0].push()); // and not heard of
    b.backend.reset();                    // killed, as far as the rings are concerned
    b.backend = dev::make_vbd_backend(g.context()).value();
    REQUIRE(b.backend->prepare().value());
    REQUIRE(b.backend->connect(true));
    for (auto const id : ids) {
        CHECK(g.wait(id) == 0);
    }
    for (std::uint32_t i = 0; i != 20; ++i) {
        CHECK(b.is_same(first_data + i, i * 4096));
    }
    CHECK(g.transfer(abi::blkif_op_read, 0, pages(first_data, 1)) == 0);
}

TEST_CASE("vbd_backend.a_read_only_disk_is_read") {
    bed b;
    b.config.is_cdrom = GENERATE(false, true);
    b.config.is_read_only = true;
    b.connect();
    CHECK(b.node(b.properties, "info") == (b.config.is_cdrom ? "7" : "4"));
    CHECK(b.node(b.features, "feature-discard") == "0");
    CHECK(b.guest.transfer(abi::blkif_op_read, 0, pages(first_data, 1)) == 0);
    CHECK(b.guest.transfer(abi::blkif_op_write, 0, pages(first_data, 1)) == -1);
}

TEST_CASE("vbd_backend.discarded_sectors_read_as_zeros_from_a_file") {
    bed b;
    b.connect();
    auto& g = b.guest;
    CHECK(b.node(b.features, "feature-discard") == "1");
    abi::blkif_request raw{};
    abi::blkif_request_discard d{};
    d.operation = abi::blkif_op_discard;
    d.id = 77'777;
    d.sector_number = 64;
    d.nr_sectors = 64;
    std::memcpy(&raw, &d, sizeof d);
    g.rings[0].put(raw);
    g.kick();
    CHECK(g.wait(77'777) == 0);
    CHECK(b.on_disk(64 * 512, 64 * 512) == std::vector<std::byte>(64 * 512));
    CHECK(b.on_disk(128 * 512, 1) != std::vector<std::byte>(1));
}

TEST_CASE("vbd_backend.images_that_cannot_be_served_say_why") {
    auto const words = [](dev::vbd_config const& c) {
        fakes::block_guest guest;
        guest.add(c);
        auto const b = dev::make_vbd_backend(guest.context()).value();
        auto const done = b->prepare();
        return done ? std::string() : done.error().message();
    };
    bed b;
    dev::vbd_config c;
    c.target = "/no/such/disk.img";
    c.vdev = "xvda";
    CHECK(words(c).find("/no/such/disk.img") != std::string::npos);
    c.target = "/dev/null";
    CHECK(words(c).find("neither") != std::string::npos);
    c.target = b.folder.file("short", std::vector<std::byte>(100));
    CHECK(words(c).find("less than a sector") != std::string::npos);
    // In use: one may write, or many may read.
    b.connect();
    c.target = b.image;
    CHECK(words(c).find("writes to it") != std::string::npos);
    c.is_read_only = true;
    CHECK(words(c).find("writes to it") != std::string::npos);
    CHECK(b.backend->disconnect());
    CHECK(words(c).empty());
    b.config.is_read_only = true;
    bed reader;
    reader.config = b.config;
    reader.connect();
    CHECK(words(c).empty());
    c.is_read_only = false;
    CHECK(words(c).find("reads from it") != std::string::npos);
}

TEST_CASE("vbd_backend.a_file_that_is_cut_short_is_an_error_of_the_guests_and_no_hang") {
    bed b;
    b.connect();
    std::filesystem::resize_file(b.image, 4096);
    CHECK(b.guest.transfer(abi::blkif_op_read, 0, pages(first_data, 1)) == 0);
    CHECK(b.guest.transfer(abi::blkif_op_read, 64, pages(first_data, 1)) == -1);
}

TEST_CASE("vbd_backend.what_a_frontend_asks_beyond_the_offer_is_refused") {
    struct row {
        char const* node;
        char const* value;
    };

    auto const r = GENERATE(row{"ring-page-order", "5"}, row{"ring-page-order", "x"},
                            row{"multi-queue-num-queues", "5"}, row{"multi-queue-num-queues", "0"},
                            row{"protocol", "x86_32-abi"}, row{"ring-ref", "99999999999"},
                            row{"ring-ref", "100000"}, row{"event-channel", ""});
    bed b;
    b.guest.add(b.config);
    b.backend = dev::make_vbd_backend(b.guest.context()).value();
    REQUIRE(b.backend->prepare().value());
    b.guest.offer();
    REQUIRE(b.guest.client.write(dev::frontend_path(b.guest.address) + "/" + r.node, r.value));
    auto const done = b.backend->connect(false);
    REQUIRE_FALSE(done);
    CHECK(b.backend->disconnect());
    CHECK(b.guest.doors.mapped == 0);
}

TEST_CASE("vbd_backend.one_that_is_late_to_go_leaves_its_successors_record_alone") {
    bed b;
    auto& g = b.guest;
    bool is_released = false;
    g.add(b.config);
    auto const late = dev::make_vbd_backend(
        g.context(), [&is_released](dev::vbd_config const&, std::function<void()> const&) {
            return result<std::unique_ptr<dev::block_image>>(
                std::make_unique<slow_image>(is_released));
        });
    REQUIRE(late->prepare().value());
    g.offer();
    REQUIRE(late->connect(false));
    g.put(abi::blkif_op_read, 0, pages(first_data, 1));
    g.kick();
    CHECK_FALSE(late->disconnect());
    // Another disk comes to the same place.
    auto const offer = [&g] {
        g.offer();
        REQUIRE(g.client.write(dev::frontend_path(g.address) + "/ring-ref", "8"));
    };
    b.backend = dev::make_vbd_backend(g.context()).value();
    REQUIRE(b.backend->prepare().value());
    offer();
    REQUIRE(b.backend->connect(false));
    is_released = true;
    for (auto const& [fd, ready] : std::map(g.services.fds)) {
        ready();
    }
    CHECK(g.disconnected == 1);
    // It is connected to by the next process.
    b.backend.reset();
    b.backend = dev::make_vbd_backend(g.context()).value();
    REQUIRE(b.backend->prepare().value());
    CHECK(b.backend->connect(true));
    CHECK(b.backend->disconnect());
    CHECK_FALSE(std::filesystem::exists(g.services.state_file(dev::vbd_record_name(g.address))));
}

TEST_CASE("vbd_backend.a_descriptor_that_cannot_be_looked_after_is_no_silent_disk") {
    bed b;
    b.guest.add(b.config);
    b.backend = dev::make_vbd_backend(b.guest.context()).value();
    REQUIRE(b.backend->prepare().value());
    b.guest.offer();
    b.guest.services.fail_add_fd = true;
    CHECK_FALSE(b.backend->connect(false));
    CHECK(b.backend->disconnect());
    CHECK(b.guest.doors.mapped == 0);
}
