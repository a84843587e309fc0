// SPDX-License-Identifier: Apache-2.0
// A socket without descriptors for its clients.
#include <xenpp/store/socket_server.hpp>

#include <fakes/no_descriptors.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

using namespace xenpp;
using namespace xenpp::store;

TEST_CASE("socket_server.who_found_no_descriptor_is_served_when_there_is_one") {
    std::string folder = "/tmp/xenpp-store-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    {
        server s;
        auto sockets = socket_server::listen(folder + "/s", s).value();
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (folder + "/s").copy(address.sun_path, sizeof address.sun_path - 1);
        int const fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        REQUIRE(::connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
        auto const is_ready = [&] {
            pollfd p{sockets.event_fd(), POLLIN, 0};
            return ::poll(&p, 1, 0) == 1;
        };
        CHECK(is_ready());
        {
            fakes::no_descriptors const full;
            REQUIRE(sockets.receive());
            CHECK_FALSE(is_ready()); // nobody is woken in vain meanwhile
        }
        CHECK(sockets.clients() == 0);
        sockets.accept_again(); // also if no client has gone
        CHECK(is_ready());
        REQUIRE(sockets.receive());
        CHECK(sockets.clients() == 1);
        ::close(fd);
    }
    ::rmdir(folder.c_str());
}
