// SPDX-License-Identifier: Apache-2.0
// A value or an error: std::expected's names, freestanding, until the toolchain has it.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#if __STDC_HOSTED__
#    include <exception>
#endif

namespace xenpp {

/// Wraps an error on its way into an `expected`.
template <class E>
struct unexpected {
    E value;

    constexpr explicit unexpected(E e) noexcept : value(e) {}
};

template <class E>
unexpected(E) -> unexpected<E>;

#if __STDC_HOSTED__
/// What `.value()` throws: `what()` is the error in words where it has `message()`.
template <class E>
class bad_expected_access : public std::exception {
public:
    E error;

    explicit bad_expected_access(E e) : error(std::move(e)), words_(describe(error)) {}

    char const* what() const noexcept override {
        if constexpr (requires { words_.c_str(); }) {
            return words_.c_str();
        } else {
            return words_;
        }
    }

private:
    // Whatever string message() returns: this header costs nobody a <string>.
    static auto describe(E const& e) {
        if constexpr (requires { e.message(); }) {
            return e.message();
        } else {
            return "xenpp::expected holds an error";
        }
    }

    decltype(describe(std::declval<E const&>())) words_;
};
#endif

namespace detail {

/// Where to construct, whatever `T` makes of unary &. (std::construct_at needs <memory>: 0.4 s.)
template <class T>
void* place(T& object) noexcept {
    return __builtin_addressof(object);
}

/// How the two are kept.
enum class expected_kind {
    words,   ///< side by side: what is returned in registers stays in registers
    plain,   ///< a union that is copied as bytes
    objects, ///< a union whose members are constructed and destroyed
};

template <class T>
inline constexpr bool is_plain =
    std::is_trivially_copyable_v<T>&& std::is_trivially_destructible_v<T>;

template <class T>
inline constexpr bool is_word = is_plain<T>&& std::is_nothrow_default_constructible_v<T> &&
                                sizeof(T) <= sizeof(void*);

template <class T, class E>
inline constexpr expected_kind kind_of_expected =
    is_word<T>&& is_word<E>     ? expected_kind::words
    : is_plain<T>&& is_plain<E> ? expected_kind::plain
                                : expected_kind::objects;

/// Three forms, because clang 14 lacks constrained destructors.
template <class T, class E, expected_kind Kind>
class expected_storage {
public:
    constexpr explicit expected_storage(T v) : value_(std::move(v)), has_(true) {}

    constexpr explicit expected_storage(unexpected<E> u)
        : error_(std::move(u.value)), has_(false) {}

protected:
    union {
        T value_;
        E error_;
    };

    bool has_;
};

template <class T, class E>
class expected_storage<T, E, expected_kind::words> {
public:
    constexpr explicit expected_storage(T v) : value_(v), has_(true) {}

    constexpr explicit expected_storage(unexpected<E> u) : has_(false), error_(u.value) {}

protected:
    T value_{};
    bool has_; // before the error: the lowest byte of its register
    E error_{};
};

template <class T, class E>
class expected_storage<T, E, expected_kind::objects> {
public:
    explicit expected_storage(T v) : value_(std::move(v)), has_(true) {}

    explicit expected_storage(unexpected<E> u) : error_(std::move(u.value)), has_(false) {}

    expected_storage(expected_storage const& o) requires(
        std::is_copy_constructible_v<T>&& std::is_copy_constructible_v<E>)
        : has_(o.has_) {
        if (has_) {
            ::new (place(value_)) T(o.value_);
        } else {
            ::new (place(error_)) E(o.error_);
        }
    }

    expected_storage(expected_storage&& o) noexcept : has_(o.has_) {
        if (has_) {
            ::new (place(value_)) T(std::move(o.value_));
        } else {
            ::new (place(error_)) E(std::move(o.error_));
        }
    }

    expected_storage& operator=(expected_storage o) noexcept {
        this->~expected_storage();
        ::new (place(*this)) expected_storage(std::move(o));
        return *this;
    }

    ~expected_storage() {
        if (has_) {
            value_.~T();
        } else {
            error_.~E();
        }
    }

protected:
    union {
        T value_;
        E error_;
    };

    bool has_;
};

} // namespace detail

/// Either a `T` or an error `E`. `operator*` and `->` need a check first; `value()` exists only
/// hosted and throws. An error that owns memory is allowed hosted; freestanding errors are plain.
template <class T, class E>
class [[nodiscard]] expected
    : private detail::expected_storage<T, E, detail::kind_of_expected<T, E>> {
    static_assert(!std::is_reference_v<T>, "hold a pointer instead of a reference");
    static_assert(!std::is_same_v<T, E>, "value and error must differ in type");
    using storage = detail::expected_storage<T, E, detail::kind_of_expected<T, E>>;
    using storage::error_;
    using storage::has_;
    using storage::value_;

public:
    using value_type = T;
    using error_type = E;

    constexpr expected() requires std::is_default_constructible_v<T> : storage(T{}) {}

    constexpr expected(T v)
        : storage(std::move(v)) {} // NOLINT(google-explicit-constructor): as std
    template <class G>
    requires std::is_constructible_v<E, G>

    constexpr expected(unexpected<G> u) // NOLINT(google-explicit-constructor): as std
        : storage(unexpected<E>(E(std::move(u.value)))) {}

    constexpr bool has_value() const noexcept { return has_; }

    constexpr explicit operator bool() const noexcept { return has_; }

    constexpr T& operator*() & noexcept { return value_; }

    constexpr T const& operator*() const& noexcept { return value_; }

    constexpr T&& operator*() && noexcept { return std::move(value_); }

    constexpr T* operator->() noexcept { return &value_; }

    constexpr T const* operator->() const noexcept { return &value_; }

    constexpr E const& error() const noexcept { return error_; }

    constexpr E& error() noexcept { return error_; }

    template <class U>
    constexpr T value_or(U&& other) const& {
        return has_ ? value_ : static_cast<T>(std::forward<U>(other));
    }

    template <class F>
    constexpr auto and_then(F&& f) && {
        using result = std::invoke_result_t<F, T&&>;
        return has_ ? std::forward<F>(f)(std::move(value_))
                    : result(unexpected<E>(std::move(error_)));
    }

    template <class F>
    constexpr auto transform(F&& f) && -> expected<std::invoke_result_t<F, T&&>, E> {
        if (!has_) {
            return unexpected<E>(std::move(error_));
        }
        return std::forward<F>(f)(std::move(value_));
    }

    template <class F>
    constexpr auto transform_error(F&& f) && -> expected<T, std::invoke_result_t<F, E&&>> {
        if (has_) {
            return std::move(value_);
        }
        return unexpected(std::forward<F>(f)(std::move(error_)));
    }

#if __STDC_HOSTED__
    T& value() & {
        check();
        return value_;
    }

    T const& value() const& {
        check();
        return value_;
    }

    T&& value() && {
        check();
        return std::move(value_);
    }
#endif

private:
#if __STDC_HOSTED__
    void check() const {
        if (!has_) {
            throw bad_expected_access<E>(error_);
        }
    }
#endif
};

/// Success without a value, or an error.
template <class E>
class [[nodiscard]] expected<void, E> {
public:
    using value_type = void;
    using error_type = E;

    constexpr expected() noexcept = default;
    template <class G>
    requires std::is_constructible_v<E, G>

    constexpr expected(unexpected<G> u)
        : has_(false), error_(std::move(u.value)) {} // NOLINT(google-explicit-constructor): as std

    constexpr bool has_value() const noexcept { return has_; }

    constexpr explicit operator bool() const noexcept { return has_; }

    constexpr void operator*() const noexcept {}

    constexpr E const& error() const noexcept { return error_; }

    constexpr E& error() noexcept { return error_; }

#if __STDC_HOSTED__
    void value() const {
        if (!has_) {
            throw bad_expected_access<E>(error_);
        }
    }
#endif

private:
    bool has_ = true;
    E error_{};
};

} // namespace xenpp

/// Unwraps an `expected`, or returns its error from the enclosing function.
#define XENPP_TRY(...)          XENPP_TRY_NAMED(__COUNTER__, __VA_ARGS__)
#define XENPP_TRY_NAMED(n, ...) XENPP_TRY_WITH(n, __VA_ARGS__)
#define XENPP_TRY_WITH(n, ...)                                                                     \
    __extension__({                                                                                \
        auto xenpp_try_##n = (__VA_ARGS__);                                                        \
        if (!xenpp_try_##n) {                                                                      \
            return ::xenpp::unexpected(std::move(xenpp_try_##n.error()));                          \
        }                                                                                          \
        *std::move(xenpp_try_##n);                                                                 \
    })
