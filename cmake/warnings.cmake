# SPDX-License-Identifier: Apache-2.0
# The warnings of our own build; never exported to users of the library, and no errors in theirs.
set(XENPP_WARNINGS
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
  -Wcast-align -Wcast-qual -Wnon-virtual-dtor -Woverloaded-virtual -Wzero-as-null-pointer-constant
  -Wundef -Wmissing-declarations -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough -Wextra-semi)
set(XENPP_WARNINGS_GNU -Wlogical-op -Wduplicated-cond -Wsuggest-override)
# clang 14 warns of __COUNTER__-free shadowing inside nested statement expressions only.
# clang 14 also reports the zero inside a comparison rewritten to <=>.
set(XENPP_WARNINGS_CLANG -Wno-gnu-statement-expression -Wno-zero-as-null-pointer-constant)
option(XENPP_WERROR "Warnings are errors" ${PROJECT_IS_TOP_LEVEL})
if(XENPP_WERROR)
  list(PREPEND XENPP_WARNINGS -Werror)
endif()
add_library(xenpp_warnings INTERFACE)
target_compile_options(xenpp_warnings INTERFACE ${XENPP_WARNINGS}
  "$<$<CXX_COMPILER_ID:GNU>:${XENPP_WARNINGS_GNU}>"
  "$<$<CXX_COMPILER_ID:Clang>:${XENPP_WARNINGS_CLANG}>"
  # g++ 12 at -O3 sees overflows in std::vector<std::byte>::insert, overlaps where strings are added, and
  # strings destroyed before they are made, none of which are there. At -O2 it does not, and is heard.
  "$<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU>>:-Wno-stringop-overflow;-Wno-stringop-overread;-Wno-restrict;-Wno-maybe-uninitialized>")
if(XENPP_SANITIZE)
  # The sanitizers' own checks confuse these two flow analyses of g++ 12.
  target_compile_options(xenpp_warnings INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference -Wno-maybe-uninitialized>)
endif()
