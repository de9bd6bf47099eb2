// Rows of four and of eight float64 numbers: what the kernels of the eigen-solver hold in registers.
namespace neuroloom {
namespace NL_ISA {

typedef double Four __attribute__((vector_size(32)));
typedef double UnalignedFour __attribute__((vector_size(32), aligned(8), may_alias));

NL_INLINE Four loadFour(const double* p) { return (Four) * (const UnalignedFour*)p; }
NL_INLINE void storeFour(double* p, Four v) { *(UnalignedFour*)p = (UnalignedFour)v; }
NL_INLINE Four broadcastFour(double value) { return value - (Four){}; }

// Rows of right sides: four, or eight where several blocks are solved at once.
typedef double Eight __attribute__((vector_size(64)));
typedef double UnalignedEight __attribute__((vector_size(64), aligned(8), may_alias));

template <class Row>
struct RowMemory;
template <>
struct RowMemory<Four> {
  typedef UnalignedFour Unaligned;
};
template <>
struct RowMemory<Eight> {
  typedef UnalignedEight Unaligned;
};

template <class Row>
NL_INLINE Row loadRow(const double* p) {
  return (Row) * (const typename RowMemory<Row>::Unaligned*)p;
}
template <class Row>
NL_INLINE void storeRow(double* p, Row v) {
  *(typename RowMemory<Row>::Unaligned*)p = (typename RowMemory<Row>::Unaligned)v;
}
template <class Row>
NL_INLINE Row broadcastRow(double value) {
  return value - (Row){};
}
template <class Row>
constexpr long kRowWidth = sizeof(Row) / sizeof(double);

}  // namespace NL_ISA
}  // namespace neuroloom
