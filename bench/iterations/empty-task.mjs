export default function task() {}
