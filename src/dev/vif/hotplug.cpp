// SPDX-License-Identifier: Apache-2.0
// Starting a script and hearing of its end.
#include <xenpp/os/file.hpp>

#include <fmt/format.h>

#include <dev/vif/hotplug.hpp>
#include <unistd.h>

#include <csignal>
#include <vector>

namespace xenpp::dev::detail {

hotplug_script::~hotplug_script() {
    if (process_) {
        context_.services.remove_fd(process_->fd());
        static_cast<void>(process_->send_signal(SIGTERM));
    }
    if (!log_.empty()) {
        ::unlink(log_.c_str());
    }
}

std::string hotplug_script::find(std::string const& name) {
    auto const file = name.starts_with('/') ? name : std::string(folder) + name;
    return ::access(file.c_str(), X_OK) == 0 ? file : std::string();
}

result<void> hotplug_script::start(std::string const& file,
                                   std::string_view action,
                                   std::string const& interface_name,
                                   std::string const& gatewaydev,
                                   std::function<void(result<void>)> done) {
    auto const& a = context_.address;
    log_ = context_.services.state_file(
        fmt::format("hotplug-{}-{}-{}.log", a.kind, a.frontend.raw(), a.id));
    if (!log_.empty()) {
        ::unlink(log_.c_str());
    }
    os::spawn_config c;
    c.log = log_;
    c.arguments = {
        "env",
        "script=" + file,
        "vif=" + interface_name,
        "XENBUS_TYPE=" + a.kind,
        "XENBUS_PATH=" + backend_path(a),
        "XENBUS_BASE_PATH=backend",
        "XENSTORED_PATH=" + context_.services.doors().store_path(),
    };
    if (!gatewaydev.empty()) {
        c.arguments.push_back("netdev=" + gatewaydev);
    }
    c.arguments.push_back(file);
    c.arguments.emplace_back(action);
    process_ = XENPP_TRY(os::spawn(c));
    file_ = file;
    action_ = action;
    done_ = std::move(done);
    return context_.services.add_fd(process_->fd(), [this] { look(); });
}

void hotplug_script::look() {
    auto const status = process_->exit_status();
    if (!status) {
        return;
    }
    context_.services.remove_fd(process_->fd());
    process_.reset();
    auto const done = std::exchange(done_, {});
    done(outcome(*status));
}

result<void> hotplug_script::outcome(int status) const {
    if (status == 0) {
        return {};
    }
    auto why = read_node(context_.store, context_.node("hotplug-error"));
    std::string words = why && *why ? **why : std::string();
    if (words.empty() && !log_.empty()) {
        constexpr std::size_t most_bytes = 500;
        words = os::tail_of_file(log_, most_bytes);
    }
    return fail("hotplug script", fmt::format("{} {} failed with status {}{}{}", file_, action_,
                                              status, words.empty() ? "" : ": ", words));
}

} // namespace xenpp::dev::detail
