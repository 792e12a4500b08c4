# A translated kernel as C++: the text behind the shim, and a function that calls it with what its attributes ask for.
# Usage: awk -v id=rmsnorm -f wrap.awk rmsnorm.metal > rmsnorm.cpp
BEGIN { print "#include \"msl_shim.h\"" }
/^#include/ { next }
/^using namespace metal;/ { next }
# An array with one operator per address space, of which the shim has one.
/^template<typename T, size_t Num>/ { array = 1 }
array { if (/^};/) array = 0; next }
# Literals without a suffix are of type float in MSL, which has no double.
{ gsub(/[0-9]+\.[0-9]+(e[-+]?[0-9]+)?/, "&f") }
# fma(l, r, +0) turns a product of -0 into +0; added to -0, every product stays itself.
/return fma\(l, r, T\(0\)\);/ { sub(/T\(0\)/, "T(-0.0f)"); zeros++ }
{ print }
/^kernel void main0\(/ {
    found++
    text = $0
    sub(/^kernel void main0\(/, "", text)
    sub(/\)$/, "", text)
    n = split(text, part, /\]\](, )?/)
    for (i = 1; i < n; i++) {
        attribute = part[i]
        sub(/^.*\[\[/, "", attribute)
        if (attribute ~ /^buffer\(/) {
            place = attribute
            gsub(/[^0-9]/, "", place)
            type = part[i]
            sub(/&.*$/, "", type)
            gsub(/const |device |constant /, "", type)
            value[i] = place == 0 ? "*static_cast<const " type " *>(call->words)" : "*static_cast<" type " *>(call->buffers[" place - 1 "])"
        } else if (attribute == "thread_position_in_threadgroup") value[i] = "uint3{call->local, 0, 0}"
        else if (attribute == "threadgroup_position_in_grid") value[i] = "uint3{call->x, call->y, 0}"
        else if (attribute == "threadgroups_per_grid") value[i] = "uint3{call->groups_x, call->groups_y, 1}"
        else if (attribute == "simdgroup_index_in_threadgroup") value[i] = "call->subgroup"
        else if (attribute == "simdgroups_per_threadgroup") value[i] = "call->subgroups"
        else {
            print "wrap.awk: " id ": unknown attribute " attribute > "/dev/stderr"
            failed = 1
        }
    }
    count = n - 1
}
END {
    if (found != 1) {
        print "wrap.awk: " id ": no kernel main0 on one line" > "/dev/stderr"
        failed = 1
    }
    printf "extern \"C\" void sterna_msl_%s(const msl_call *call);\nvoid sterna_msl_%s(const msl_call *call)\n{\n    main0(", id, id
    for (i = 1; i <= count; i++) printf "%s%s", value[i], i < count ? ", " : ""
    print ");\n}"
    exit failed
}
