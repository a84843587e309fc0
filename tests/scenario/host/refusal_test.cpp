// SPDX-License-Identifier: Apache-2.0
// Bad input and failures at every point: one clear message, and nothing is left.
#include "each_failure.hpp"
#include "host/building.hpp"
#include "host/create.hpp"
#include "host_bed.hpp"

#include <functional>

using namespace xenpp;
using fakes::host_bed;

namespace {

/// Stops before the n-th step, and counts them.
class stop_before final : public builder::step_observer {
public:
    explicit stop_before(std::size_t n) noexcept : n_(n) {}

    result<void> before(std::string_view step) override {
        if (seen_++ == n_) {
            stopped_at = step;
            return fail("test", EIO, "stopped on purpose");
        }
        return {};
    }

    std::string stopped_at;

private:
    std::size_t n_;
    std::size_t seen_ = 0;
};

} // namespace

TEST_CASE("create.what is wrong with a configuration is said, and nothing is left") {
    host_bed b;
    b.create("taken");
    auto const uuid = b.host.find("taken").value().uuid();
    auto const before = b.look();

    struct row {
        std::function<void(config::domain_config&)> spoil;
        std::string says;
    };

    std::vector<row> const rows{
        {[](auto& c) { c.name = "taken"; }, "a domain named \"taken\" exists"},
        {[](auto& c) { c.name = ""; }, "gives no name"},
        {[](auto& c) { c.type = config::domain_type::hvm; }, "type \"hvm\" are not supported"},
        {[](auto& c) { c.type = config::domain_type::pv; }, "made for PVH alone: type = \"pvh\""},
        {[](auto& c) { c.kernel = ""; }, "gives no kernel"},
        {[](auto& c) { c.kernel = "/nowhere/kernel"; }, "/nowhere/kernel"},
        {[](auto& c) { c.kernel = "/etc/passwd"; }, "/etc/passwd"},
        {[](auto& c) { c.ramdisk = "/nowhere/ramdisk"; }, "/nowhere/ramdisk"},
        {[](auto& c) { c.memory_mib = c.maxmem_mib = 100'000; }, "not enough memory"},
        {[](auto& c) { c.maxvcpus = 1000; }, "1000"},
        {[](auto& c) { c.pool = "blue"; }, "no CPU pool \"blue\""},
        {[](auto& c) { c.acpi = false; }, "acpi"},
        {[](auto& c) { c.cpu_weight = 0; }, "cpu_weight = 0"},
        {[](auto& c) { c.cap = 100'000; }, "cap = 100000"},
        {[](auto& c) { c.max_grant_version = 3; }, "max_grant_version = 3"},
        {[](auto& c) { c.cmdline = std::string(5000, 'x'); }, "command line"},
        {[](auto& c) { c.cpus.lists = {config::parse_cpu_list("40").value()}; }, "names no CPU"},
        {[&](auto& c) { c.uuid = uuid; }, "UUID"},
    };
    for (auto const& r : rows) {
        auto c = b.config("guest");
        r.spoil(c);
        auto const made = b.host.create(c);
        INFO(r.says);
        REQUIRE(!made);
        INFO(made.error().message());
        CHECK(made.error().message().find(r.says) != std::string::npos);
        CHECK(b.look() == before);
    }
}

TEST_CASE("create.a stop before any step names it and leaves nothing") {
    host_bed b;
    b.create("first").destroy().value();
    auto const before = b.look();
    std::size_t n = 0;
    for (;; ++n) {
        stop_before observer(n);
        auto const made =
            detail::create_domain(b.host.session(), b.config("guest"), {.start = true}, &observer);
        if (made) {
            CHECK(observer.stopped_at.empty());
            break;
        }
        INFO(observer.stopped_at);
        CHECK(made.error().message() == "test: while " + observer.stopped_at +
                                            ": stopped on purpose: " + std::strerror(EIO) +
                                            " (errno 5)");
        CHECK(b.look() == before);
    }
    CHECK(n == 23); // steps
}

TEST_CASE("create.a failure of any hypercall leaves nothing") {
    host_bed b;
    b.create("first").destroy().value();
    fakes::failing_host f(b);
    unsigned want_memory = 0;
    auto const calls = fakes::fail_each(
        b, f, f.doors(), b.config("guest"), [&want_memory](result<domain> const& made) {
            REQUIRE(!made);
            auto const message = made.error().message();
            for (auto const* const step : {"creating the domain", "claiming its memory",
                                           "reserving memory", "making its vCPUs"}) {
                if (message.find(std::string("while ") + step) != std::string::npos) {
                    ++want_memory;
                    CHECK(message.find("take less") != std::string::npos);
                }
            }
        });
    CHECK(calls > 30);
    CHECK(want_memory == 4);
}

TEST_CASE("create.a failure of any store request leaves nothing but what the store refuses") {
    host_bed b;
    b.create("first").destroy().value();
    fakes::failing_host f(b);
    CHECK(fakes::fail_each(b, f, f.store(), b.config("guest"), [](auto const&) {}) > 40);
}

TEST_CASE("create.a name is taken as soon as somebody builds under it") {
    host_bed b;
    auto const reserved =
        detail::name_reservation::take(b.host.session(), config::random_uuid(), "guest").value();
    auto const made = b.host.create(b.config("guest"));
    REQUIRE(!made);
    CHECK(made.error().message().find("a domain named \"guest\" is being built") !=
          std::string::npos);
    CHECK(b.host.create(b.config("other")));
}

TEST_CASE("create.an error tells the hypervisor's reason") {
    host_bed b;
    auto c = b.config("guest");
    c.max_event_channels = 1; // the toolstack needs two
    auto const made = b.host.create(c);
    REQUIRE(!made);
    CHECK(made.error().message().find("while ") != std::string::npos);
    CHECK(made.error().code != 0);
}

TEST_CASE("destroy.domain 0 stays") {
    host_bed b;
    auto const zero = b.host.find(dom0).value();
    CHECK(zero.destroy().error().code == EINVAL);
}
