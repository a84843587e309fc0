// SPDX-License-Identifier: Apache-2.0
// A domain, held by a handle that knows which one it means.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/config/domain_config.hpp>
#include <xenpp/console.hpp>
#include <xenpp/device.hpp>
#include <xenpp/domain_info.hpp>
#include <xenpp/memory.hpp>
#include <xenpp/vcpu.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xenpp {

class host;

/// How the credit2 scheduler treats a domain.
struct domain_scheduling {
    std::uint16_t weight = 256; ///< its share relative to that of others
    std::uint16_t cap = 0;      ///< percent of one CPU that it may use at most; 0: no limit
};

/// What can be done to a domain from outside as if by its buttons (Xen: XEN_DOMCTL_SENDTRIGGER_*).
enum class trigger : std::uint8_t {
    nmi,
    reset,
    init,
    power,
    sleep,
};

/// A handle to a domain: its number and its UUID. The truth is in the hypervisor and in xenstore,
/// so that any number of programs may hold handles to one domain; copies are equal, and nothing
/// ends with a handle. When the number comes to mean another domain, or none, every call fails with
/// "domain N is gone". A handle keeps its host's connection open.
class domain {
public:
    domid id() const noexcept;
    config::uuid const& uuid() const noexcept;

    /// Its name in xenstore; empty if it has none.
    result<std::string> name() const;
    /// All that is known of it now.
    result<domain_info> info() const;

    /// The vCPUs it was made with, offline ones too.
    std::vector<vcpu> vcpus() const;
    /// The same as data, in one go.
    result<std::vector<vcpu_info>> vcpu_infos() const;

    class memory memory() const {
        return xenpp::memory(ref_);
    }

    class console console() const {
        return xenpp::console(ref_);
    }

    /// Stops it; pauses count. Lets it run again; EINVAL if it is not paused.
    result<void> pause() const;
    result<void> unpause() const;

    /// Asks the guest, through xenstore's control/shutdown, to power off, reboot, suspend, ...
    /// Returns once the request is written; what the guest makes of it is up to it.
    result<void> shutdown(shutdown_reason how = shutdown_reason::poweroff) const;

    /// Frees all it has, at once, and removes what xenstore holds of it.
    result<void> destroy() const;

    /// Its devices of one kind ("vbd", "vif"), or all.
    result<std::vector<device_info>> devices(std::string_view kind = {}) const;
    /// Gives it another device and returns when its backend is ready for the guest, which takes it
    /// up by itself. EEXIST: it has such a device; else the backend's own words.
    result<void> attach(dev::new_device const& d) const;
    /// A disk, which belongs to the domain's configuration from then on.
    result<void> attach(dev::vbd_config const& disk) const;
    /// Gives it another network interface, with the next number and an address of its own if none
    /// is said. Says which it has become.
    result<dev::device_address> attach(dev::vif_config const& vif) const;
    /// Has the guest let go of a device and removes it. EBUSY: the guest does not; ENOENT.
    result<void> detach(dev::device_address const& a, detach_options const& options = {}) const;

    /// Gives it another name. EEXIST: a domain has that name.
    result<void> rename(std::string_view name) const;

    /// Waits until it has shut down or is gone (`std::nullopt`: neither within `timeout`). A domain
    /// that was destroyed in the meantime has powered off.
    result<std::optional<shutdown_reason>>
    wait_for_shutdown(std::chrono::milliseconds timeout) const;
    result<shutdown_reason> wait_for_shutdown() const;

    /// Waits until it is gone; whether it is. Who destroys it is the monitor, or somebody else.
    result<bool> wait_until_gone(std::chrono::milliseconds timeout) const;

    /// What it was made from; ENOENT for a domain that another toolstack made.
    result<config::domain_config> config() const;

    /// Replaces that: the next restart makes it from `config`. Its name and UUID stay.
    result<void> set_config(config::domain_config config) const;

    /// How many of its vCPUs the guest is asked to have online; 0 where nobody has said.
    result<std::uint32_t> wanted_vcpus() const;

    /// Asks the guest, through xenstore, to have so many of its vCPUs online. EINVAL: none, or more
    /// than it was made with.
    result<void> set_online_vcpus(std::uint32_t count) const;

    /// Asks the guest's kernel, through xenstore, for what it does at Alt-SysRq and a key.
    result<void> send_sysrq(char key) const;

    /// EOPNOTSUPP: the hypervisor has no such trigger.
    result<void> send_trigger(trigger what, vcpu_id to = vcpu_id(0)) const;

    /// EINVAL: its CPU pool has another scheduler than credit2.
    result<domain_scheduling> scheduling() const;
    result<void> set_scheduling(domain_scheduling s) const;

    /// Writes its memory and registers as an ELF core with Xen's notes, pausing it meanwhile unless
    /// told not to. On failure no file is left.
    result<void> dump_core(std::string const& path, bool pauses = true) const;

    /// Seconds since 1970 at which it was created, as xenstore has it.
    result<double> start_time() const;

    friend bool operator==(domain const& a, domain const& b) noexcept {
        return a.id() == b.id() && a.uuid() == b.uuid();
    }

private:
    friend class host;

    explicit domain(std::shared_ptr<detail::domain_ref const> r) noexcept : ref_(std::move(r)) {}

    std::shared_ptr<detail::domain_ref const> ref_;
};

} // namespace xenpp
