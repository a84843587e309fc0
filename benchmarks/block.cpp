// SPDX-License-Identifier: Apache-2.0
// A disk's backend alone: a synthetic frontend keeps its ring full of requests of 4 KiB.
#include <xenpp/abi/io/blkif.hpp>
#include <xenpp/dev/vbd/backend.hpp>
#include <xenpp/dev/vbd/nodes.hpp>
#include <xenpp/ring/shared_ring.hpp>

#include <benchmark/benchmark.h>

#include <fakes/backend_bed.hpp>
#include <fakes/granting_doors.hpp>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace xenpp;

constexpr std::uint64_t disk_size = std::uint64_t{64} << 20;
constexpr std::uint32_t ring_pages = 16;
constexpr std::uint32_t requests = 512;

/// Is done with everything at once, and touches nothing.
class null_image final : public dev::block_image {
public:
    null_image() {
        info_.size = disk_size;
        info_.can_flush = true;
    }

    dev::image_info const& info() const noexcept override { return info_; }

    void submit(dev::image_io const& io) override { done_.push_back(io.tag); }

    void start() override {}

    void poll(done const& report) override {
        for (auto const tag : std::exchange(done_, {})) {
            report(tag, 0);
        }
    }

    int fd() const noexcept override { return -1; }

private:
    dev::image_info info_;
    std::vector<std::uint64_t> done_;
};

/// A sparse file in the page cache, which goes with this object.
struct scratch_disk {
    scratch_disk() {
        auto const fd = ::mkstemp(path.data());
        if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(disk_size)) != 0) {
            std::abort();
        }
        std::vector<char> const zeros(1U << 20, 'x');
        for (std::uint64_t at = 0; at != disk_size; at += zeros.size()) {
            if (::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) {
                std::abort();
            }
        }
        ::close(fd);
    }

    scratch_disk(scratch_disk const&) = delete;
    scratch_disk& operator=(scratch_disk const&) = delete;

    ~scratch_disk() { ::unlink(path.c_str()); }

    std::string path = "/tmp/xenpp-bench-XXXXXX";
};

struct bed {
    explicit bed(bool is_persistent, bool is_null) {
        dev::vbd_config c;
        c.target = disk.path;
        c.vdev = "xvda";
        auto const d = dev::new_vbd(c, domid(3)).value();
        client.transact([&](store::client_transaction const& t) { return dev::write_device(t, d); })
            .value();
        auto const base = dev::frontend_path(d.address);
        for (std::uint32_t i = 0; i != ring_pages; ++i) {
            client.write(base + "/ring-ref" + std::to_string(i), std::to_string(i)).value();
        }
        client.write(base + "/ring-page-order", "4").value();
        client.write(base + "/event-channel", "7").value();
        client.write(base + "/feature-persistent", is_persistent ? "1" : "0").value();
        dev::backend_context context{d.address, client, services, [] {}, [] {}, [](error) {}};
        if (is_null) {
            backend = dev::make_vbd_backend(
                std::move(context), [](dev::vbd_config const&, std::function<void()>) {
                    return result<std::unique_ptr<dev::block_image>>(
                        std::unique_ptr<dev::block_image>(new null_image()));
                });
        } else {
            backend = dev::make_vbd_backend(std::move(context)).value();
        }
        backend->prepare().value();
        backend->connect(false).value();
        ring.emplace(doors.page(0), ring_pages * page_size);
    }

    /// A ring's worth of requests and all their answers.
    void round(std::uint8_t operation) {
        for (std::uint32_t i = 0; i != requests; ++i) {
            abi::blkif_request r{};
            r.operation = operation;
            r.nr_segments = 1;
            r.id = i;
            r.sector_number = (at += 8 * 37) % (disk_size / 512 - 8) / 8 * 8;
            r.seg[0] = {ring_pages + i, 0, 7, 0};
            ring->put(r);
        }
        ring->push();
        auto const fired = services.bound.begin()->second;
        fired();
        for (std::uint32_t left = requests; left != 0;) {
            for (auto n = ring->waiting().value(); n != 0; --n, --left) {
                abi::blkif_response answer{};
                ring->take(answer);
                if (answer.status != 0) {
                    std::abort();
                }
            }
            if (left != 0) {
                services.run_put_off();
                auto const fds = services.fds;
                for (auto const& [fd, ready] : fds) {
                    ready();
                }
            }
        }
        static_cast<void>(ring->wait_for_more());
    }

    scratch_disk disk;
    fakes::granting_doors doors{ring_pages + requests};
    store::server server;
    store::client client{store::connect_memory(server, dom0, true)};
    fakes::fake_services services{doors};
    std::unique_ptr<dev::backend> backend;
    std::optional<ring::front_ring<abi::blkif_request, abi::blkif_response>> ring;
    std::uint64_t at = 0;
};

void measure(benchmark::State& state, bool is_persistent, bool is_null, std::uint8_t operation) {
    bed b(is_persistent, is_null);
    for (auto _ : state) {
        b.round(operation);
    }
    state.SetItemsProcessed(state.iterations() * requests);
    state.SetBytesProcessed(state.iterations() * requests * 4096);
}

BENCHMARK_CAPTURE(measure, null_persistent, true, true, abi::blkif_op_read);
BENCHMARK_CAPTURE(measure, null_copied, false, true, abi::blkif_op_read);
BENCHMARK_CAPTURE(measure, file_read_persistent, true, false, abi::blkif_op_read);
BENCHMARK_CAPTURE(measure, file_write_persistent, true, false, abi::blkif_op_write);
BENCHMARK_CAPTURE(measure, file_read_copied, false, false, abi::blkif_op_read);

} // namespace
