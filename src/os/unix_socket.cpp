// SPDX-License-Identifier: Apache-2.0
// Unix sockets.
#include <xenpp/os/file.hpp>
#include <xenpp/os/unix_socket.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace xenpp::os {

namespace {

int type_of(socket_kind kind) noexcept {
    return (kind == socket_kind::stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC;
}

result<sockaddr_un> address_of(std::string const& path) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    if (path.size() >= sizeof a.sun_path) {
        return fail("socket", errc::nametoolong,
                    path +
                        " is too long for a socket's path; set XENPP_STATE_DIR to a shorter one");
    }
    std::memcpy(a.sun_path, path.data(), path.size());
    return a;
}

sockaddr const* generic(sockaddr_un const& a) noexcept {
    return reinterpret_cast<sockaddr const*>(&a);
}

} // namespace

result<unique_fd> listen_unix(std::string const& path, socket_kind kind) {
    auto const address = XENPP_TRY(address_of(path));
    unique_fd fd(::socket(AF_UNIX, type_of(kind) | SOCK_NONBLOCK, 0));
    if (!fd) {
        return fail_errno("socket", path);
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return fail_errno("unlink", path);
    }
    if (::bind(fd.get(), generic(address), sizeof address) != 0) {
        return fail_errno("bind", path);
    }
    // Nobody can connect before listen().
    if (::chmod(path.c_str(), 0600) != 0) {
        return fail_errno("chmod", path);
    }
    if (::listen(fd.get(), SOMAXCONN) != 0) {
        return fail_errno("listen", path);
    }
    return fd;
}

result<unique_fd> connect_unix(std::string const& path, socket_kind kind) {
    auto const address = XENPP_TRY(address_of(path));
    unique_fd fd(::socket(AF_UNIX, type_of(kind), 0));
    if (!fd) {
        return fail_errno("socket", path);
    }
    if (::connect(fd.get(), generic(address), sizeof address) != 0) {
        return fail_errno("connect", path);
    }
    return fd;
}

result<unique_fd> accept_unix(int listener) {
    unique_fd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        return fail_errno("accept");
    }
    return fd;
}

namespace {

/// A message of one byte with room for one descriptor.
struct descriptor_message {
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr head{};

    descriptor_message() noexcept {
        head.msg_iov = &data;
        head.msg_iovlen = 1;
        head.msg_control = control.data();
        head.msg_controllen = control.size();
    }

    descriptor_message(descriptor_message const&) = delete;
    descriptor_message& operator=(descriptor_message const&) = delete;
    ~descriptor_message() = default;
};

} // namespace

result<void> send_descriptor(int socket, int fd) {
    descriptor_message m;
    auto* const c = CMSG_FIRSTHDR(&m.head);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (::sendmsg(socket, &m.head, MSG_NOSIGNAL) != 1) {
        return fail_errno("send descriptor");
    }
    return {};
}

result<unique_fd> receive_descriptor(int socket) {
    descriptor_message m;
    ssize_t n = -1;
    do {
        n = ::recvmsg(socket, &m.head, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return fail_errno("receive descriptor");
    }
    auto const* const c = CMSG_FIRSTHDR(&m.head);
    if (n != 1 || c == nullptr || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
        c->cmsg_len != CMSG_LEN(sizeof(int))) {
        return fail("receive descriptor", errc::badmsg, "the peer sent none");
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return unique_fd(fd);
}

} // namespace xenpp::os
