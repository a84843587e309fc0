// SPDX-License-Identifier: Apache-2.0
// Starting a script and hearing of its end.
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
    call_ = {a,
             file,
             context_.services.doors().store_path(),
             std::string(action),
             interface_name,
             gatewaydev};
    os::spawn_config c;
    c.log = log_;
    c.arguments = hotplug_arguments(call_);
    process_ = XENPP_TRY(os::spawn(c));
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
    done(hotplug_outcome(context_.store, call_, *status, log_));
}

} // namespace xenpp::dev::detail
