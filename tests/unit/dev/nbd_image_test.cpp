// SPDX-License-Identifier: Apache-2.0
// Disks behind NBD servers, others' and our own: they come late, and they go.
#include "fakes/block_guest.hpp"
#include "fakes/bytes_on_disk.hpp"

#include <xenpp/dev/vbd/backend.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/unix_socket.hpp>

#include <dev/vbd/nbd_host.hpp>
#include <fakes/patience.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

namespace {

using namespace xenpp;

constexpr auto data_page = fakes::block_guest::data_page;

/// Names in a folder that begin so.
std::set<std::string> names(std::filesystem::path const& folder, std::string_view prefix = {}) {
    std::set<std::string> out;
    for (auto const& e : std::filesystem::directory_iterator(folder)) {
        if (e.path().filename().string().starts_with(prefix)) {
            out.insert(e.path().filename().string());
        }
    }
    return out;
}

/// A qemu-nbd that is not ours, and ends with the test.
struct foreign_server {
    explicit foreign_server(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"qemu-nbd", "-t", "-f", "raw"});
        process = os::spawn({.arguments = std::move(arguments)}).value();
    }

    ~foreign_server() { kill(); }

    void kill() const {
        static_cast<void>(process.send_signal(SIGKILL));
        process.wait(fakes::patience_ms);
    }

    os::process process;
};

struct bed {
    bed() { guest.services.folder = devices.path().string(); }

    std::string file(std::string const& name) const { return (folder.path() / name).string(); }

    std::string raw_image() const {
        return folder.file("disk.img", std::vector<std::byte>(std::size_t{1} << 20));
    }

    std::string qcow2_image() const {
        auto const path = file("disk.qcow2");
        auto const made =
            os::spawn({.arguments = {"qemu-img", "create", "-q", "-f", "qcow2", path, "1M"}});
        REQUIRE(made.value().wait(fakes::patience_ms));
        return path;
    }

    void serve(std::string const& target, dev::disk_format format = dev::disk_format::raw) {
        dev::vbd_config c;
        c.target = target;
        c.format = format;
        c.vdev = "xvda";
        guest.add(c);
        backend = dev::make_vbd_backend(guest.context()).value();
    }

    /// Whatever is ready runs, once.
    void turn() {
        guest.services.run_put_off();
        std::vector<pollfd> polled;
        for (auto const& [fd, _] : guest.services.fds) {
            bool const to_write = guest.services.is_to_write[fd];
            polled.push_back({fd, static_cast<short>(POLLIN | (to_write ? POLLOUT : 0)), 0});
        }
        ::poll(polled.data(), polled.size(), guest.services.put_off.empty() ? 10 : 0);
        for (auto const& p : polled) {
            auto const found = guest.services.fds.find(p.fd);
            if (p.revents != 0 && found != guest.services.fds.end()) {
                auto const ready = found->second;
                ready();
            }
        }
    }

    /// What `prepare` comes to.
    result<dev::node_list> prepare() {
        for (;;) {
            auto nodes = backend->prepare();
            if (!nodes) {
                UNSCOPED_INFO(nodes.error().message());
                return unexpected(nodes.error());
            }
            if (*nodes) {
                return **nodes;
            }
            for (int i = 0; i != fakes::patience_ms / 10 && guest.prepared == 0; ++i) {
                turn();
            }
            REQUIRE(guest.prepared != 0);
            guest.prepared = 0;
        }
    }

    /// The disk is there, can be read, and leaves no descriptor behind.
    void read_and_detach() {
        REQUIRE(prepare());
        guest.offer();
        REQUIRE(backend->connect(false));
        CHECK(guest.transfer(abi::blkif_op_read, 0, {data_page}) == 0);
        CHECK(backend->disconnect());
        CHECK(guest.services.fds.empty());
    }

    fakes::scratch_folder folder;
    fakes::scratch_folder devices;
    fakes::block_guest guest;
    std::unique_ptr<dev::backend> backend;
};

void wait_until_it_listens(std::string const& socket) {
    for (int i = 0; i != fakes::patience_ms / 5; ++i) {
        if (os::connect_unix(socket, os::socket_kind::stream)) {
            return;
        }
        ::usleep(5'000);
    }
    FAIL("no server");
}

/// A port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port() {
    os::unique_fd const s(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    REQUIRE(::bind(s.get(), reinterpret_cast<sockaddr*>(&a), size) == 0);
    REQUIRE(::getsockname(s.get(), reinterpret_cast<sockaddr*>(&a), &size) == 0);
    return ntohs(a.sin_port);
}

void wait_until_it_listens(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i != fakes::patience_ms / 5; ++i) {
        os::unique_fd const s(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(s.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) {
            return;
        }
        ::usleep(5'000);
    }
    FAIL("no server");
}

/// In place of getent, for the life of this object: a script.
struct fake_getent {
    fake_getent(std::filesystem::path const& folder, std::string const& script)
        : path(std::getenv("PATH")) {
        auto const file = folder / "getent";
        std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        ::setenv("PATH", (folder.string() + ":" + path).c_str(), 1);
    }

    ~fake_getent() { ::setenv("PATH", path.c_str(), 1); }

    std::string path;
};

} // namespace

TEST_CASE("nbd_image.a_server_that_goes_is_errors_and_leaves_no_number_behind") {
    bed b;
    auto const image = b.raw_image();
    auto const socket = b.file("socket");
    std::optional<foreign_server> server(std::in_place,
                                         std::vector<std::string>{"-k", socket, image});
    wait_until_it_listens(socket);
    b.serve("nbd+unix:///?socket=" + socket);
    REQUIRE(b.prepare());
    b.guest.offer();
    REQUIRE(b.backend->connect(false));
    CHECK(b.guest.transfer(abi::blkif_op_read, 0, {data_page}) == 0);
    CHECK(b.guest.services.fds.size() == 1);

    server->kill();
    CHECK(b.guest.transfer(abi::blkif_op_read, 0, {data_page}) == -1);
    CHECK(b.guest.services.fds.empty());
    CHECK(b.guest.transfer(abi::blkif_op_write, 8, {data_page}) == -1);
    CHECK_FALSE(b.guest.failed);
    REQUIRE(b.guest.services.lines.size() == 1);
    CHECK(b.guest.services.lines[0].find("has gone") != std::string::npos);

    // Opened anew it works again.
    CHECK(b.backend->disconnect());
    std::filesystem::remove(socket);
    server.emplace(std::vector<std::string>{"-k", socket, image});
    wait_until_it_listens(socket);
    b.read_and_detach();
}

TEST_CASE("nbd_image.requests_in_flight_fail_when_their_server_goes") {
    bed b;
    auto const image = b.raw_image();
    auto const socket = b.file("socket");
    foreign_server const server({"-k", socket, image});
    wait_until_it_listens(socket);
    b.serve("nbd+unix:///?socket=" + socket);
    REQUIRE(b.prepare());
    b.guest.offer();
    REQUIRE(b.backend->connect(false));
    static_cast<void>(server.process.send_signal(SIGSTOP));
    auto const id = b.guest.put(abi::blkif_op_read, 0, {data_page});
    b.guest.kick();
    // Detached meanwhile, it ends with them.
    bool const is_detached = GENERATE(false, true);
    CHECK((!is_detached || !b.backend->disconnect()));
    server.kill();
    CHECK(b.guest.wait(id) == -1);
    CHECK(b.guest.services.fds.empty());
    CHECK(b.guest.disconnected == (is_detached ? 1 : 0));
}

TEST_CASE("nbd_image.a_server_of_ours_leaves_no_name_and_ends_with_its_disk") {
    bed b;
    b.serve(b.qcow2_image(), dev::disk_format::qcow2);
    REQUIRE(b.backend->prepare());
    CHECK(names(b.devices.path()).empty()); // it has hardly started
    REQUIRE(b.prepare());
    CHECK(names(b.devices.path()).empty());
    b.guest.offer();
    REQUIRE(b.backend->connect(false));
    CHECK(b.guest.transfer(abi::blkif_op_write, 0, {data_page}) == 0);
    CHECK(b.backend->disconnect());
    auto const check = os::spawn({.arguments = {"qemu-img", "check", "-q", b.file("disk.qcow2")}});
    std::optional<int> status;
    while (!(status = check->exit_status())) {
        ::usleep(1'000);
    }
    CHECK(*status == 0); // and nobody holds its lock
}

TEST_CASE("nbd_image.who_is_killed_while_it_opens_an_image_keeps_nobody_from_it") {
    auto const before = names("/tmp", "libnbd");
    bed b;
    auto const image = b.qcow2_image();
    auto const delay_us = static_cast<unsigned>(GENERATE(0, 2'000, 5'000, 10'000, 20'000, 50'000));
    auto const child = ::fork();
    if (child == 0) {
        b.serve(image, dev::disk_format::qcow2);
        static_cast<void>(b.backend->prepare());
        ::usleep(delay_us);
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(names(b.devices.path()).empty());
    CHECK(names("/tmp", "libnbd") == before);
    b.serve(image, dev::disk_format::qcow2);
    CHECK(b.prepare());
}

TEST_CASE("nbd_image.an_image_that_is_none_is_refused_in_qemu_nbds_words") {
    bed b;
    b.serve(b.folder.file("bad.qcow2", std::vector<std::byte>(4096)), dev::disk_format::qcow2);
    auto const done = b.prepare();
    REQUIRE_FALSE(done);
    CHECK(done.error().message().find("qcow2 format") != std::string::npos);
    CHECK(b.guest.services.fds.empty());
    CHECK(names(b.devices.path()).empty());
}

TEST_CASE("nbd_image.a_slow_resolver_holds_up_nobody_and_all_addresses_are_tried") {
    bed b;
    auto const port = std::to_string(free_port());
    auto const go = b.file("go");
    foreign_server const server({"-b", "127.0.0.1", "-p", port, b.raw_image()});
    wait_until_it_listens(static_cast<std::uint16_t>(std::stoi(port)));
    fake_getent const getent(b.folder.path(), "[ \"$3\" = disks.example ] || exit 2\n"
                                              "while ! [ -e " +
                                                  go +
                                                  " ]; do sleep 0.01; done\n"
                                                  "echo '127.0.0.2  STREAM disks.example'\n"
                                                  "echo '127.0.0.2  DGRAM'\n"
                                                  "echo '127.0.0.1  STREAM'");
    b.serve("nbd://disks.example:" + port + "/");
    auto const nodes = b.backend->prepare();
    REQUIRE(nodes);
    CHECK_FALSE(*nodes);
    for (int i = 0; i != 10; ++i) {
        b.turn();
    }
    CHECK(b.guest.prepared == 0);
    std::ofstream(go) << "now";
    b.read_and_detach();
}

TEST_CASE("nbd_image.a_host_that_is_not_known_is_said") {
    bed b;
    fake_getent const getent(b.folder.path(), "exit 2");
    b.serve("nbd://disks.example/");
    auto const done = b.prepare();
    REQUIRE_FALSE(done);
    CHECK(done.error().message().find("host is not known") != std::string::npos);
    CHECK(b.guest.services.fds.empty());
}

TEST_CASE("nbd_image.a_lookup_does_not_outlive_who_wanted_it") {
    bed b;
    fake_getent const getent(b.folder.path(), "exec sleep 1000");
    b.serve("nbd://disks.example/");
    REQUIRE(b.backend->prepare());
    REQUIRE(b.guest.services.fds.size() == 1);
    // Its process is the only thing that is waited for.
    os::unique_fd const process(::fcntl(b.guest.services.fds.begin()->first, F_DUPFD_CLOEXEC, 0));
    b.backend.reset();
    CHECK(b.guest.services.fds.empty());
    pollfd ended{process.get(), POLLIN, 0};
    CHECK(::poll(&ended, 1, 0) == 1);
}

TEST_CASE("nbd_image.names_are_found_in_uris") {
    using dev::detail::host_name_in;
    using dev::detail::with_address;
    CHECK(host_name_in("nbd://disks/a") == "disks");
    CHECK(host_name_in("nbds://me@disks.example:10/a?b=c@d") == "disks.example");
    CHECK(host_name_in("nbd://disks?a") == "disks");
    CHECK(host_name_in("nbd://1.2.3.4@disks") == "disks");
    CHECK(host_name_in("nbd://[disks]:5/") == "disks");
    CHECK(host_name_in("nbd://1.2.3") == "1.2.3"); // whoever takes it for a number
    CHECK(host_name_in("nbd://") == "localhost");
    CHECK(host_name_in("nbd://:10809/a") == "localhost");
    for (auto const direct :
         {"nbd://1.2.3.4/a", "nbd://me@1.2.3.4:5", "nbd://[::1]:10809/a", "nbd://[fe80::1%25eth0]",
          "nbd+unix://disks/a?socket=b", "nbds+unix:///?socket=b", "nbd+vsock://1/"}) {
        CHECK(host_name_in(direct).empty());
    }
    CHECK(with_address("nbd://disks/a", "1.2.3.4") == "nbd://1.2.3.4/a");
    CHECK(with_address("nbds://me@disks:10/a?b", "::1") == "nbds://me@[::1]:10/a?b");
    CHECK(with_address("nbd://[disks]:5", "1.2.3.4") == "nbd://1.2.3.4:5");
    CHECK(with_address("nbd://", "::1") == "nbd://[::1]");
    CHECK(with_address("nbd://:10809/a", "::1") == "nbd://[::1]:10809/a");
}
