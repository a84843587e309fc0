// SPDX-License-Identifier: Apache-2.0
// Domctls that read and set the whole state of a domain's vCPUs, as a stream of records.
#pragma once

#include <xenpp/hv/domctl_call.hpp>
#include <xenpp/hv/hvm_context.hpp>

#include <cstdint>

namespace xenpp::hv {

namespace detail {

/// The stream's buffer in the caller's memory, read or written from front to end.
template <class P>
class hvm_stream {
public:
    hvm_stream(vcpu<P>& caller, abi::domctl_hvmcontext const& where) noexcept
        : caller_(caller), at_(where.buffer.p), left_(where.size) {}

    std::uint32_t left() const noexcept { return left_; }

    /// Appends a record; `nospc` when it does not fit.
    expected<void, errc>
    write(std::uint16_t code, std::uint16_t instance, void const* body, std::uint32_t n) noexcept {
        abi::hvm_save_descriptor const d{code, instance, n};
        if (left_ < sizeof d || left_ - sizeof d < n) {
            return unexpected(errc::nospc);
        }
        XENPP_TRY(copy_to_guest(caller_, at_, &d, sizeof d));
        XENPP_TRY(copy_to_guest(caller_, at_ + sizeof d, body, n));
        advance(static_cast<std::uint32_t>(sizeof d) + n);
        return {};
    }

    /// Takes a record's descriptor; `nodata` at the end of the buffer.
    expected<abi::hvm_save_descriptor, errc> read_descriptor() noexcept {
        if (left_ < sizeof(abi::hvm_save_descriptor)) {
            return unexpected(errc::nodata);
        }
        auto const d = XENPP_TRY(read_guest<abi::hvm_save_descriptor>(caller_, at_));
        advance(sizeof d);
        return d;
    }

    /// Takes a record's body; `nodata` when it is not all there.
    expected<void, errc> read_body(void* to, std::uint32_t n) noexcept {
        XENPP_TRY(skip_check(n));
        XENPP_TRY(copy_from_guest(caller_, to, at_, n));
        advance(n);
        return {};
    }

    expected<void, errc> skip(std::uint32_t n) noexcept {
        XENPP_TRY(skip_check(n));
        advance(n);
        return {};
    }

private:
    expected<void, errc> skip_check(std::uint32_t n) const noexcept {
        if (n > left_) {
            return unexpected(errc::nodata);
        }
        return {};
    }

    void advance(std::uint32_t n) noexcept {
        at_ += n;
        left_ -= n;
    }

    vcpu<P>& caller_;
    std::uint64_t at_;
    std::uint32_t left_;
};

template <class P>
std::uint32_t hvm_context_size(domain<P>& d) noexcept {
    std::uint32_t const framing = sizeof(abi::hvm_save_descriptor);
    std::uint32_t each = 0;
    for (auto const& t : vcpu_record_types) {
        each += framing + t.size;
    }
    std::uint32_t size = framing + sizeof(abi::hvm_save_header) + framing;
    for (auto* const v : d.vcpus) {
        size += v != nullptr ? each : 0;
    }
    return size;
}

template <class P>
expected<void, errc>
write_context(domctl_call<P> const& c, hvm_stream<P>& out, hvm_record& scratch) noexcept {
    scratch.header = hvm_header(c.hv());
    XENPP_TRY(out.write(abi::hvm_save_code_header, 0, &scratch, sizeof scratch.header));
    for (auto const& t : vcpu_record_types) {
        for (std::uint32_t n = 0; n != c.dom.max_vcpus; ++n) {
            auto* const v = c.dom.vcpus[n];
            if (v != nullptr && hvm_save_record(*v, t.code, scratch)) {
                XENPP_TRY(out.write(t.code, static_cast<std::uint16_t>(n), &scratch, t.size));
            }
        }
    }
    return out.write(abi::hvm_save_code_end, 0, &scratch, 0);
}

/// One record. Types that are not kept (devices that a PVH domain lacks) are an error, except those
/// that say nothing a domain here could have changed.
template <class P>
expected<void, errc> read_record(domctl_call<P> const& c,
                                 hvm_stream<P>& in,
                                 abi::hvm_save_descriptor const& d,
                                 hvm_record& scratch) noexcept {
    if (d.typecode == abi::hvm_save_code_vmce_vcpu || d.typecode == abi::hvm_save_code_tsc_adjust) {
        return in.skip(d.length);
    }
    auto const size = hvm_record_size(d.typecode);
    if (size == 0 || d.length != size) {
        return unexpected(errc::inval);
    }
    XENPP_TRY(in.read_body(&scratch, size));
    if (d.typecode == abi::hvm_save_code_header) {
        bool const known = scratch.header.magic == abi::hvm_file_magic &&
                           scratch.header.version == abi::hvm_file_version;
        return known ? expected<void, errc>() : unexpected(errc::inval);
    }
    auto* const v = XENPP_TRY(c.find_vcpu(d.instance));
    return hvm_load_record(*v, d.typecode, scratch);
}

template <class P>
expected<void, errc>
read_context(domctl_call<P> const& c, hvm_stream<P>& in, hvm_record& scratch) noexcept {
    auto d = XENPP_TRY(in.read_descriptor());
    if (d.typecode != abi::hvm_save_code_header) {
        return unexpected(errc::inval);
    }
    // Eight kinds of record for each vCPU are more than there are.
    for (unsigned n = 0; n != 8 * max_vcpus_per_domain; ++n) {
        if (d.typecode == abi::hvm_save_code_end) {
            return {};
        }
        XENPP_TRY(read_record(c, in, d, scratch));
        d = XENPP_TRY(in.read_descriptor());
    }
    return unexpected(errc::inval);
}

/// Calls `with(scratch)` with a record of memory of its own: too big for the stack.
template <class P, class With>
expected<void, errc> with_record(hypervisor<P>& hv, With with) noexcept {
    auto* const scratch = XENPP_TRY(hv.frames.template create<hvm_record>());
    auto const result = with(*scratch);
    hv.frames.discard(scratch);
    return result;
}

} // namespace detail

/// The whole state; a null buffer asks for its size. The domain must be paused or shut down.
/// Errors: `busy`, `nospc`, `fault`, `nomem`.
template <class P>
domctl_result domctl_gethvmcontext(domctl_call<P> const& c) noexcept {
    auto& where = c.op.u.hvmcontext;
    if (c.dom.kind != domain_kind::hvm) {
        return unexpected(errc::inval);
    }
    if (where.buffer.p == 0) {
        where.size = detail::hvm_context_size(c.dom);
        return domctl_answer::copy_back;
    }
    lock_guard const hold(c.dom.lock);
    XENPP_TRY(c.need_stopped());
    detail::hvm_stream<P> out(c.caller, where);
    XENPP_TRY(detail::with_record(c.hv(),
                                  [&](hvm_record& r) { return detail::write_context(c, out, r); }));
    where.size -= out.left();
    return domctl_answer::copy_back;
}

/// Sets the state that the records carry; what they do not mention stays. Errors: `busy`; `inval`
/// for a malformed stream or a state that cannot be; `nodata` where it ends early.
template <class P>
domctl_result domctl_sethvmcontext(domctl_call<P> const& c) noexcept {
    if (c.dom.kind != domain_kind::hvm) {
        return unexpected(errc::inval);
    }
    lock_guard const hold(c.dom.lock);
    XENPP_TRY(c.need_stopped());
    detail::hvm_stream<P> in(c.caller, c.op.u.hvmcontext);
    XENPP_TRY(
        detail::with_record(c.hv(), [&](hvm_record& r) { return detail::read_context(c, in, r); }));
    return domctl_answer::none;
}

/// The body of one record; a null buffer asks for its size.
template <class P>
domctl_result domctl_gethvmcontext_partial(domctl_call<P> const& c) noexcept {
    auto& q = c.op.u.hvmcontext_partial;
    auto const size = hvm_record_size(q.type);
    if (c.dom.kind != domain_kind::hvm || size == 0) {
        return unexpected(errc::inval);
    }
    if (q.buffer.p == 0) {
        q.bufsz = size;
        return domctl_answer::copy_back;
    }
    if (q.bufsz < size) {
        return unexpected(errc::nospc);
    }
    lock_guard const hold(c.dom.lock);
    XENPP_TRY(c.need_stopped());
    XENPP_TRY(detail::with_record(c.hv(), [&](hvm_record& r) -> expected<void, errc> {
        if (q.type == abi::hvm_save_code_header) {
            r.header = hvm_header(c.hv());
        } else {
            auto* const v = XENPP_TRY(c.find_vcpu(q.instance));
            hvm_save_record(*v, q.type, r);
        }
        return copy_to_guest(c.caller, q.buffer.p, &r, size);
    }));
    q.bufsz = size;
    return domctl_answer::copy_back;
}

} // namespace xenpp::hv
