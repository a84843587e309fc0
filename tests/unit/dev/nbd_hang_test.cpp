// SPDX-License-Identifier: Apache-2.0
// A server that answers nothing keeps no process from ending.
#include <xenpp/os/unix_socket.hpp>

#include <dev/vbd/nbd_opening.hpp>
#include <fakes/backend_bed.hpp>
#include <fakes/patience.hpp>
#include <poll.h>
#include <scenario/link/temporary_state.hpp>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

using namespace xenpp;

namespace {

/// NBD's old greeting: an image of 1 MiB. Whatever is asked then has no answer.
std::string greeting() {
    std::string g("NBDMAGIC\x00\x00\x42\x02\x81\x86\x12\x53", 16);
    g += std::string("\x00\x00\x00\x00\x00\x10\x00\x00", 8) + std::string("\x00\x00\x00\x01", 4);
    return g + std::string(124, '\0');
}

/// Opens the image, asks for a sector and ends. 0: it came to its end.
int read_and_end(std::string const& socket) {
    fakes::scripted_doors doors;
    fakes::fake_services services(doors);
    dev::vbd_config c;
    c.target = "nbd+unix:///?socket=" + socket;
    dev::detail::nbd_opening opening(c, services, [] {});
    auto image = opening.take();
    while (image && !*image) {
        auto const [fd, ready] = *services.fds.begin();
        pollfd p{fd, POLLIN, 0};
        ::poll(&p, 1, -1);
        ready();
        image = opening.take();
    }
    if (!image) {
        return 2;
    }
    std::array<std::byte, 512> sector{};
    iovec const part{sector.data(), sector.size()};
    (*image)->submit({dev::image_operation::read, 0, sector.size(), {&part, 1}, 1});
    (*image)->start();
    image->reset();
    return 0;
}

} // namespace

TEST_CASE("nbd_image.a_server_that_hangs_keeps_no_process_from_ending") {
    tests::temporary_state const state;
    auto const path = state.where.file("nbd");
    auto const listener = os::listen_unix(path, os::socket_kind::stream).value();
    auto const child = ::fork();
    if (child == 0) {
        ::alarm(fakes::patience_s);
        ::_exit(read_and_end(path));
    }
    os::unique_fd server;
    while (!server) {
        pollfd p{listener.get(), POLLIN, 0};
        REQUIRE(::poll(&p, 1, fakes::patience_ms) == 1);
        server = os::accept_unix(listener.get()).value();
    }
    auto const words = greeting();
    REQUIRE(::send(server.get(), words.data(), words.size(), 0) ==
            static_cast<ssize_t>(words.size()));
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
