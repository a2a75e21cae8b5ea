import workerpool from 'workerpool';
import { empty, emptyAsync, spin } from '../../lib/loops/functions.mjs';

workerpool.worker({ empty, emptyAsync, spin });
